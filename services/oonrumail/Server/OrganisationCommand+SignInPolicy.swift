import Accounts
import ArgumentParser
import MailModel
import MailPorts

extension OrganisationCommand {
    struct SignInPolicy: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show or change what an organisation asks of passwords, and whether of a second factor."
        )

        enum Switch: String, CaseIterable, ExpressibleByArgument { case on, off }

        @Argument(help: "Its number.") var id: Int64
        @Option(name: .long, help: "Characters of a new password at least, or platform.") var minimumLength: String?
        @Option(name: .long, help: "Earlier passwords that may not come back, or platform.") var history: String?
        @Option(name: .long, help: "Ask the list of passwords that attackers know: on or off.")
        var breachedList: Switch?
        @Option(name: .long, help: "Nobody signs in by a password alone: on or off.") var secondFactor: Switch?
        @OptionGroup var options: StoreOptions

        private struct Document: Encodable {
            var id: Int64
            var version: Int64
            var minimumLength: Int?
            var history: Int?
            var breachedList: Bool
            var secondFactor: Bool
        }

        private static func number(_ text: String?, _ option: String) throws -> SignInPolicyChange.Number {
            guard let text else { return .stays }
            guard text != "platform" else { return .platform }
            guard let number = Int(text) else { throw ValidationError("--\(option) takes a number or platform") }
            return .at(number)
        }

        func run() async throws {
            var change = SignInPolicyChange()
            change.minimumLength = try Self.number(minimumLength, "minimum-length")
            change.history = try Self.number(history, "history")
            change.asksBreachedList = breachedList.map { $0 == .on }
            change.needsSecondFactor = secondFactor.map { $0 == .on }
            let wish = change
            let settings = try options.sources.settings()
            try await options.withPorts("organisation \(id)") { ports in
                let record = try await AccountCommand.people(ports, settings).changeSignInPolicy(
                    of: OrganisationID(id),
                    wish,
                    beyond: try await AccountCommand.service(ports).platformRules,
                    by: .commandLine,
                    now: ports.stores.clock().now()
                )
                var table = TextTable(["ID", "VERSION", "MINIMUM LENGTH", "HISTORY", "BREACHED LIST", "SECOND FACTOR"])
                let policy = record.policy
                table.add([
                    "\(id)", "\(record.version)", policy.minimumLength.map { "\($0)" } ?? "platform",
                    policy.history.map { "\($0)" } ?? "platform", policy.asksBreachedList ? "on" : "platform",
                    policy.needsSecondFactor ? "required" : "optional",
                ])
                let document = Document(
                    id: id,
                    version: record.version,
                    minimumLength: policy.minimumLength,
                    history: policy.history,
                    breachedList: policy.asksBreachedList,
                    secondFactor: policy.needsSecondFactor
                )
                try options.show(document, table.text)
            }
        }
    }
}
