import ArgumentParser
import MailModel
import MailPorts
import ServiceHost
import SingleSignOn
import Telemetry

struct SSOCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sso",
        abstract: "Signing in by identity providers of domains.",
        subcommands: [Show.self, Set.self, Remove.self, Check.self, Links.self, Unlink.self]
    )

    private struct Row: Encodable {
        var domain: String
        var issuer: String
        var clientId: String
        var hasClientSecret: Bool
        var enforced: Bool
        var coversAliases: Bool
        var makesAccounts: Bool
        var quotaBytes: Int64?
        var addressClaim: String
        var nameClaim: String
        var needsVerifiedAddress: Bool
        var scopes: String
        var setBy: String
        var redirectUri: String
    }

    static func with(
        _ domain: String,
        _ options: StoreOptions,
        _ body: (ProviderConnections, String, CommandEnvironment.Ports) async throws -> Void
    ) async throws {
        let name = try DomainCommand.checked(domain)
        let settings = try options.sources.settings()
        try await options.withPorts("identity provider of \(name)") { ports in
            do {
                try await body(try await ProviderConnections(ports.stores, settings), name, ports)
            } catch let fault as ConnectionFault {
                let absent = "\(name) has no identity provider, or is not hosted here"
                throw CommandFailure(fault, subject: "domain \(name)", absent: absent)
            }
        }
    }

    static func print(_ found: ProviderConnection, _ callback: String, _ options: StoreOptions) throws {
        let row = Row(
            domain: found.domain,
            issuer: found.issuer,
            clientId: found.clientID,
            hasClientSecret: found.sealedSecret != nil,
            enforced: found.isEnforced,
            coversAliases: found.coversAliases,
            makesAccounts: found.makesAccounts,
            quotaBytes: found.quotaBytes,
            addressClaim: found.addressClaim,
            nameClaim: found.nameClaim,
            needsVerifiedAddress: found.needsVerifiedAddress,
            scopes: found.scopes,
            setBy: found.setBy.rawValue,
            redirectUri: callback
        )
        var table = TextTable(["MEMBER", "VALUE"])
        table.add(["issuer", row.issuer])
        table.add(["client", row.clientId + (row.hasClientSecret ? " (with a secret)" : "")])
        table.add(["passwords", row.enforced ? "of owners and platform administrators only" : "too"])
        table.add(["domain aliases", row.coversAliases ? "covered" : "not covered"])
        table.add(["new accounts", row.makesAccounts ? "made" : "not made"])
        table.add(["address", row.addressClaim + (row.needsVerifiedAddress ? " (verified)" : "")])
        table.add(["name", row.nameClaim])
        table.add(["scopes", row.scopes])
        table.add(["set by", row.setBy])
        table.add(["redirect URI", row.redirectUri])
        try options.show(row, table.text)
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "A domain's identity provider.")
        @Argument(help: "The domain.") var domain: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await SSOCommand.with(domain, options) { connections, name, _ in
                try SSOCommand.print(try await connections.connection(of: name), connections.callback, options)
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put an identity provider in force; what is not given gets its standard.",
            discussion: "The client secret comes from standard input, or stays while issuer and client do."
        )
        @Argument(help: "The domain.") var domain: String
        @Option(name: .long, help: "As the provider writes it.") var issuer: String
        @Option(name: .long, help: "The client's id at the provider.") var clientId: String
        @Flag(name: .long, help: "Read the client secret from the first line of standard input.") var secretStdin =
            false
        @Flag(name: .long, help: "Refuse passwords but those of owners and platform administrators.") var enforce =
            false
        @Flag(name: .long, help: "Take addresses of the domain's aliases.") var coverAliases = false
        @Flag(name: .long, help: "Make accounts for people who have none.") var makeAccounts = false
        @Option(name: .long, help: "Octets of mail for accounts that are made.") var quota: Int64?
        @Option(name: .long, help: "The claim that is the address.") var addressClaim: String?
        @Option(name: .long, help: "The claim that is the name.") var nameClaim: String?
        @Flag(name: .long, help: "Take addresses that the provider does not call verified.") var unverified = false
        @Option(name: .long, help: "Scopes between spaces.") var scopes: String?
        @OptionGroup var options: StoreOptions

        func run() async throws {
            var wish = ConnectionWish(issuer: issuer, clientID: clientId)
            if secretStdin {
                let limit = SingleSignOnLimits.longestSecret
                guard let line = CommandEnvironment.current.terminal.readLine(limit: limit), !line.isEmpty else {
                    throw CommandFailure(.failure, "standard input has no secret of at most \(limit) octets")
                }
                wish.clientSecret = line
            }
            wish.isEnforced = enforce
            wish.coversAliases = coverAliases
            wish.makesAccounts = makeAccounts
            wish.quotaBytes = quota
            wish.addressClaim = addressClaim
            wish.nameClaim = nameClaim
            wish.needsVerifiedAddress = !unverified
            wish.scopes = scopes
            try await SSOCommand.with(domain, options) { [wish] connections, name, ports in
                let audit = AuditEvent(at: ports.stores.clock().now(), actor: "cli", action: "sso.set", subject: name)
                let kept = try await connections.set(
                    wish,
                    of: name,
                    by: .platformAdmin,
                    replacing: nil,
                    audit: audit
                )
                try SSOCommand.print(kept, connections.callback, options)
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End signing in by the provider, and every link.")
        @Argument(help: "The domain.") var domain: String
        @OptionGroup var options: StoreOptions

        private struct Row: Encodable { var removed: String }

        func run() async throws {
            try await SSOCommand.with(domain, options) { connections, name, ports in
                let now = ports.stores.clock().now()
                try await connections.remove(
                    of: name,
                    audit: AuditEvent(at: now, actor: "cli", action: "sso.remove", subject: name)
                )
                try options.show(Row(removed: name), "The identity provider of \(name) is removed.")
            }
        }
    }
}
