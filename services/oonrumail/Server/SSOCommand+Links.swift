import ArgumentParser
import MailModel
import MailPorts
import SingleSignOn
import Telemetry

extension SSOCommand {
    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Try a domain's provider: its document, its keys, the client's secret.",
            discussion: "Ends with 1 when a step fails. Sign-ins that were refused are in the audit under sso.refused."
        )
        @Argument(help: "The domain.") var domain: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await SSOCommand.with(domain, options) { connections, name, ports in
                try options.show(try await connections.check(name, now: ports.stores.clock().now()))
            }
        }
    }

    struct Links: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Accounts that have signed in by the provider.")
        @Argument(help: "The domain.") var domain: String
        @Option(name: .long, help: "At most so many, by account.") var limit = 1_000
        @OptionGroup var text: TextOption
        @OptionGroup var options: StoreOptions

        private struct Row: Encodable {
            var accountId: Int64
            var email: String
            var subject: String
            var linkedAt: String
            var lastUsedAt: String?
        }

        func run() async throws {
            try await SSOCommand.with(domain, options) { connections, name, _ in
                var listing = LinkListing(domain: name, limit: max(1, limit))
                listing.text = text.text
                let rows = try await connections.store.links(listing).map {
                    Row(
                        accountId: $0.account.rawValue,
                        email: $0.address.description,
                        subject: $0.subject,
                        linkedAt: RFC3339.text($0.linkedAt),
                        lastUsedAt: $0.lastUse.map { RFC3339.text($0.at) }
                    )
                }
                var table = TextTable(["ACCOUNT", "SUBJECT", "SINCE", "LAST USED"])
                for row in rows { table.add([row.email, row.subject, row.linkedAt, row.lastUsedAt ?? "-"]) }
                try options.show(rows, table.text)
            }
        }
    }

    struct Unlink: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Forget who an account is at the provider: the next one with its address is linked."
        )
        @Argument(help: "The domain.") var domain: String
        @Argument(help: "The account's address.") var address: EmailAddress
        @OptionGroup var options: StoreOptions

        private struct Row: Encodable { var unlinked: String }

        func run() async throws {
            try await SSOCommand.with(domain, options) { connections, name, ports in
                guard let account = try await ports.stores.directory().account(withAddress: address) else {
                    throw CommandFailure(.notFound, "there is no account \(address)")
                }
                let now = ports.stores.clock().now()
                var audit = AuditEvent(at: now, actor: "cli", action: "sso.unlink", subject: name)
                audit.detail = AuditDetail().adding("account", account.id.rawValue).text
                try await connections.store.removeLink(of: account.id, at: name, audit: audit)
                try options.show(Row(unlinked: address.canonical), "\(address) is not linked any more.")
            }
        }
    }
}
