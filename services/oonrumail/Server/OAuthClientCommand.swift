import ArgumentParser
import MailModel
import MailPorts
import OpenIDProvider
import Telemetry

struct OAuthClientCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "oauth-client",
        abstract: "Programs that people may let in to their accounts (OpenID Connect).",
        subcommands: [Add.self, List.self, Show.self, Remove.self]
    )

    private struct Row: Encodable {
        var clientID: String
        /// Only when it is made.
        var clientSecret: String?
        var organisation: Int64?
        var name: String
        var kind: String
        var redirectUris: [String]
        var scopes: [String]
        var idTokenSignedResponseAlg: String
        var createdAt: String
        var createdBy: String

        init(_ client: OAuthClient, secret: String? = nil) {
            clientID = client.id
            clientSecret = secret
            organisation = client.organisation?.rawValue
            name = client.name
            kind = client.isPublic ? "public" : "confidential"
            redirectUris = client.redirectURIs
            scopes = client.scopes
            idTokenSignedResponseAlg = client.idTokenAlgorithm.rawValue
            createdAt = RFC3339.text(client.createdAt)
            createdBy = client.createdBy
        }

        var lines: String {
            var lines = ["client_id      \(TextTable.printable(clientID))"]
            if let clientSecret { lines.append("client_secret  \(clientSecret)") }
            lines += [
                "name           \(TextTable.printable(name))", "kind           \(kind)",
                "organisation   \(organisation.map(String.init) ?? "every")",
                "scopes         \(scopes.joined(separator: " "))",
            ]
            return (lines + redirectUris.map { "redirect       \($0)" }).joined(separator: "\n")
        }
    }

    private static let actor = ClientActor(name: "cli", organisation: nil)

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Register a program; prints its client_id, and its secret this once."
        )
        @Argument(help: "What people read when they are asked.") var name: String
        @Option(name: .long, help: "Where answers go; may be given several times.") var redirectURI: [String] = []
        @Option(name: .long, help: "What it may ask for, between commas; otherwise openid,email,profile.")
        var scope: String = "openid,email,profile"
        @Flag(name: .long, help: "It cannot keep a secret: a program on a device or in a browser.") var `public` = false
        @Option(name: .long, help: "The number of the organisation whose people may use it; otherwise everybody's.")
        var organisation: Int64?
        @Option(name: .long, help: "How its ID tokens are signed: ES256 or RS256.") var idTokenAlgorithm = "ES256"
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("client \(name)") { ports in
                let registry = ClientRegistry(store: try await ports.stores.oauth(), limit: 100_000)
                let order = ClientOrder(
                    name: name,
                    redirectURIs: redirectURI,
                    scopes: scope.utf8.split(separator: 44).map { String(decoding: $0, as: UTF8.self) },
                    isPublic: `public`,
                    idTokenAlgorithm: idTokenAlgorithm
                )
                let row: Row
                do throws(ClientRegistryError) {
                    let (client, secret) = try await registry.add(
                        order,
                        of: organisation.map { OrganisationID($0) },
                        by: OAuthClientCommand.actor,
                        now: ports.stores.clock().now()
                    )
                    row = Row(client, secret: secret)
                } catch {
                    throw OAuthClientCommand.failure(error)
                }
                // The secret is shown this once: whoever did not see it must hear so.
                try options.show(row, row.lines)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Every registered program, by name.")
        @Option(name: .long, help: "Only those of the organisation with this number.") var organisation: Int64?
        @OptionGroup var text: TextOption
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("clients") { ports in
                let store = try await ports.stores.oauth()
                var listing = ClientListing(
                    organisation: organisation.map { OrganisationID($0) },
                    limit: StoreOptions.page
                )
                listing.text = text.text
                let found = try await listing.every { page throws(StoreError) in try await store.oauthClients(page) }
                let rows = found.map { Row($0) }
                var table = TextTable(["CLIENT ID", "ORGANISATION", "KIND", "SCOPES", "NAME"])
                for row in rows {
                    table.add([
                        row.clientID, row.organisation.map(String.init) ?? "every", row.kind,
                        row.scopes.joined(separator: " "), row.name,
                    ])
                }
                try options.show(rows, table.text)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "One program.")
        @Argument(help: "Its client_id.") var id: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("client \(id)") { ports in
                guard let client = try await ports.stores.oauth().oauthClient(id) else { throw StoreError.notFound }
                let row = Row(client)
                try options.show(row, row.lines)
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Forget a program; its sessions end, and what people allowed it is gone."
        )
        @Argument(help: "Its client_id.") var id: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("client \(id)") { ports in
                let registry = ClientRegistry(store: try await ports.stores.oauth())
                do throws(ClientRegistryError) {
                    try await registry.remove(id, by: OAuthClientCommand.actor, now: ports.stores.clock().now())
                } catch {
                    throw OAuthClientCommand.failure(error)
                }
                try options.show(["client_id": id], "The client is gone.")
            }
        }
    }

    private static func failure(_ error: ClientRegistryError) -> any Error {
        switch error {
        case .refused(_, let why): CommandFailure(.failure, why)
        case .store(let cause): cause
        }
    }
}
