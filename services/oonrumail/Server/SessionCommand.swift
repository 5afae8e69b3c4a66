import Accounts
import ArgumentParser
import MailModel
import MailPorts
import Telemetry

struct SessionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "session",
        abstract: "HTTP sessions of accounts.",
        subcommands: [List.self, Revoke.self]
    )

    private struct Document: Encodable {
        var id: String
        var device: String
        var createdAt: String?
        var lastUsedAt: String?
        var lastUsedFrom: String?
        /// Who acts as the account in it.
        var actor: String?
        /// That they were answered in it.
        var requests: Int64?
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The open sessions of an account.")
        @Argument(help: "The account's address.") var address: EmailAddress
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("account \(address)") { ports in
                let account = try await AccountCommand.account(address, in: try await ports.stores.directory())
                let sessions = try await ports.stores.sessions()
                let known = try await sessions.sessions(of: account.id, now: ports.stores.clock().now()).map {
                    Document(
                        id: $0.family,
                        device: $0.device,
                        createdAt: $0.createdAt.map(RFC3339.text),
                        lastUsedAt: $0.lastUse.map { RFC3339.text($0.at) },
                        lastUsedFrom: $0.lastUse?.remote?.description,
                        actor: $0.actor?.address,
                        requests: $0.actor?.requests
                    )
                }
                var table = TextTable(["ID", "SINCE", "LAST USED", "FROM", "ACTING", "REQUESTS", "DEVICE"])
                for one in known {
                    table.add([
                        one.id, one.createdAt ?? "-", one.lastUsedAt ?? "-", one.lastUsedFrom ?? "-",
                        one.actor ?? "-", one.requests.map { "\($0)" } ?? "-", one.device,
                    ])
                }
                try options.show(known, table.text)
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a session of an account, or all of them.")
        @Argument(help: "The account's address.") var address: EmailAddress
        @Argument(help: "The session that list shows.") var id: String?
        @Flag(name: .long, help: "Every session.") var all = false
        @OptionGroup var options: StoreOptions

        func run() async throws {
            guard (id == nil) == all else { throw ValidationError("Name a session, or give --all.") }
            try await options.withPorts("session of \(address)") { ports in
                let directory = try await ports.stores.directory()
                let account = try await AccountCommand.account(address, in: directory)
                let sessions = try await ports.stores.sessions()
                let now = ports.stores.clock().now()
                let event = TokenService.event("session.revoke", of: id, by: "cli", remote: nil, now)
                if let id {
                    try await sessions.revokeSession(id, of: account.id, audit: event)
                } else {
                    _ = try await sessions.revokeSessions(of: account.id, except: nil, audit: event)
                }
                try options.show(["email": address.description], "Sessions of \(address) ended.")
            }
        }
    }
}
