import Accounts
import ArgumentParser
import MailModel
import MailPorts
import PlatformConfig
import Telemetry

struct AppPasswordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "app-password",
        abstract: "Passwords of single mail clients.",
        subcommands: [Add.self, List.self, Revoke.self]
    )

    struct Document: Encodable {
        var id: Int64
        var name: String
        var scopes: [String]
        var createdAt: String
        var lastUsedAt: String?
        var lastUsedFrom: String?
        var password: String?

        init(_ known: AppPassword, secret: AppSecret? = nil) {
            id = known.id.rawValue
            name = known.name
            scopes = SignInScope.allCases.filter(known.scopes.contains).map(\.rawValue)
            createdAt = RFC3339.text(known.createdAt)
            lastUsedAt = known.lastUse.map { RFC3339.text($0.at) }
            lastUsedFrom = known.lastUse?.remote?.description
            password = secret?.text
        }
    }

    private static func service(
        _ ports: CommandEnvironment.Ports,
        perAccount: Int = AppPasswordLimits().perAccount
    ) async throws -> AppPasswordService {
        var limits = AppPasswordLimits()
        limits.perAccount = perAccount
        return AppPasswordService(
            credentials: try await ports.stores.credentials(),
            salts: try await SCRAMSalts.load(try await ports.stores.sessions()),
            limits: limits
        )
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a password for one mail client; it is shown this once."
        )
        @Argument(help: "The account's address.") var address: EmailAddress
        @Option(name: .long, help: "The device, such as Phone.") var name: String
        @Option(name: .long, help: "imap, smtp, pop, jmap, sieve; several with commas. All by default.")
        var scope: String?
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let words =
                scope.map { $0.utf8.split(separator: 44).map { String(decoding: $0, as: UTF8.self) } }
                ?? SignInScope.allCases.map(\.rawValue)
            let scopes = words.compactMap { SignInScope(rawValue: $0) }
            guard scopes.count == words.count else { throw ValidationError("\(scope ?? "") has a scope that is none") }
            let settings = try options.sources.settings()
            try await options.withPorts("account \(address)") { ports in
                let service = try await AppPasswordCommand.service(ports, perAccount: settings.appPasswordsPerAccount)
                let made = try await service.add(
                    to: try await AccountCommand.account(address, in: try await ports.stores.directory()),
                    name: name,
                    scopes: Set(scopes),
                    actor: "cli",
                    now: ports.stores.clock().now()
                )
                try options.show(Document(made.password, secret: made.secret), made.secret.text)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The app passwords of an account.")
        @Argument(help: "The account's address.") var address: EmailAddress
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("account \(address)") { ports in
                let account = try await AccountCommand.account(address, in: try await ports.stores.directory())
                let known = try await AppPasswordCommand.service(ports).list(of: account.id).map { Document($0) }
                var table = TextTable(["ID", "NAME", "SCOPES", "MADE", "LAST USED", "FROM"])
                for one in known {
                    table.add([
                        "\(one.id)", one.name, one.scopes.joined(separator: ","), one.createdAt,
                        one.lastUsedAt ?? "never", one.lastUsedFrom ?? "-",
                    ])
                }
                try options.show(known, table.text)
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Forget an app password; mail sessions that signed in with it end."
        )
        @Argument(help: "The account's address.") var address: EmailAddress
        @Argument(help: "The number that list shows.") var id: Int64
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("app password \(id) of \(address)") { ports in
                let account = try await AccountCommand.account(address, in: try await ports.stores.directory())
                try await AppPasswordCommand.service(ports).revoke(
                    AppPasswordID(id),
                    of: account,
                    actor: "cli",
                    now: ports.stores.clock().now()
                )
                try options.show(["id": id], "App password \(id) of \(address) is revoked.")
            }
        }
    }
}
