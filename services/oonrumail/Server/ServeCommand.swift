import ArgumentParser
import PlatformConfig

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run every service in this process until SIGTERM or SIGINT.",
        discussion: "A second signal ends it at once. Settings: `oonrumail config list`."
    )

    @OptionGroup var sources: SettingOptions
    @Flag(name: .long, help: "Take ports 25, 587, 465, 143 and 993, on every address.") var production = false
    @Option(name: .long, help: ArgumentHelp("Set a setting, over every other source.", valueName: "NAME=value"))
    var set: [String] = []

    func run() async throws {
        let environment = CommandEnvironment.current
        var overrides: [String: String] = [:]
        for pair in set {
            let parts = pair.utf8.split(separator: 61, maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(decoding: parts[0], as: UTF8.self)
            guard parts.count == 2, Settings.all.contains(where: { $0.name == name }) else {
                throw CommandFailure(.badSetting, "--set \(name) is not NAME=value with the name of a setting")
            }
            overrides[name] = String(decoding: parts[1], as: UTF8.self)
        }
        if production { overrides["OONRUMAIL_PRODUCTION"] = "true" }
        let settings = try sources.settings(overrides)
        for warning in settings.warnings { environment.terminal.writeError("oonrumail: warning: \(warning)") }
        try await environment.serve(settings)
    }
}
