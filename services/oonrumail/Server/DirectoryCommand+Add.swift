import ArgumentParser
import Directories
import MailModel
import MailPorts
import ServiceHost

extension DirectoryCommand {
    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a directory in force, or another in its place; what is not given gets its standard.",
            discussion: """
                LDAP takes --url, --base and --filter; SQL --person-query and --password-query. The password to bind by, or the database's \
                address, comes from standard input, or stays while it goes to the same place.
                """
        )
        @Argument(help: "The domain.") var domain: String
        @Option(name: .long, help: "ldaps://host[:port] or ldap://host[:port].") var url: String?
        @Flag(name: .long, help: "Do not demand StartTLS of a server at ldap://.") var plain = false
        @Option(name: .long, help: "A file with the certificates of its authority, in PEM.") var authority: String?
        @Option(name: .long, help: "The base that people are looked for under.") var base: String?
        @Option(name: .long, help: "The name to bind by.") var bindName: String?
        @Option(name: .long, help: "The filter of a person, with {address}, {local} or {domain}.") var filter: String?
        @Option(name: .long, help: "The filter of who is admitted.") var admits: String?
        @Option(name: .long, help: "The attribute that a person is known by; objectGUID in Active Directory.")
        var idAttribute: String?
        @Option(name: .long, help: "The attribute that is the address.") var addressAttribute: String?
        @Option(name: .long, help: "An attribute with more addresses; may be given again.") var aliasAttribute:
            [String] = []
        @Option(name: .long, help: "The attribute that is the name.") var nameAttribute: String?
        @Option(name: .long, help: "The attribute that is the language.") var languageAttribute: String?
        @Option(name: .long, help: "The attribute that is the quota, in octets; synchronised.") var quotaAttribute:
            String?
        @Option(name: .long, help: "The attribute that says that a person is disabled.") var disabledAttribute: String?
        @Option(name: .long, help: "SQL: the query of a person by {address}.") var personQuery: String?
        @Option(name: .long, help: "SQL: the query of a person's password.") var passwordQuery: String?
        @Option(name: .long, help: "SQL: the query of everybody behind {after}, {limit} at most.") var peopleQuery:
            String?
        @Flag(name: .long, help: "Read the secret from the first line of standard input.") var secretStdin = false
        @Flag(name: .long, help: "Refuse passwords kept here but those of owners and platform administrators.")
        var enforce =
            false
        @Flag(name: .long, help: "Make accounts for people who have none.") var makeAccounts = false
        @Option(name: .long, help: "Octets of mail for accounts that are made.") var quota: Int64?
        @Flag(name: .long, help: "Synchronise at intervals.") var sync = false
        @Option(name: .long, help: "The share of people in percent that one run may suspend.") var mostSuspended = 20
        @OptionGroup var options: StoreOptions

        func run() async throws {
            var secret: String?
            if secretStdin {
                let limit = DirectoryLimits.longestSecret
                guard let line = CommandEnvironment.current.terminal.readLine(limit: limit), !line.isEmpty else {
                    throw CommandFailure(.failure, "standard input has no secret of at most \(limit) octets")
                }
                secret = line
            }
            let source = try source()
            try await DirectoryCommand.with(domain, options) { [secret] connections, name, ports in
                var wish = DirectoryConnection(domain: name, source: source, sealedSecret: nil, setBy: .platformAdmin)
                (wish.isEnforced, wish.makesAccounts, wish.isSynchronised) = (enforce, makeAccounts, sync)
                (wish.quotaBytes, wish.mostSuspended) = (quota, mostSuspended)
                let now = ports.stores.clock().now()
                let kept = try await connections.set(
                    wish,
                    secret: secret,
                    replacing: nil,
                    audit: AuditEvent(at: now, actor: "cli", action: "directory.set", subject: name)
                )
                try DirectoryCommand.print(kept, try await connections.lastRun(of: name), options)
            }
        }

        private func source() throws -> DirectorySource {
            if let personQuery, let passwordQuery {
                return .sql(
                    SQLSource(personQuery: personQuery, passwordQuery: passwordQuery, peopleQuery: peopleQuery)
                )
            }
            guard let url, let base, let filter else {
                throw CommandFailure(
                    .failure,
                    "LDAP takes --url, --base and --filter; SQL takes --person-query and --password-query"
                )
            }
            var source = LDAPSource(url: url, base: base, filter: filter)
            source.startsTLS = !plain
            if let authority {
                let bytes = try InputFile.read(authority, atMost: DirectoryLimits.longestAuthority)
                source.authority = String(decoding: bytes, as: UTF8.self)
            }
            (source.bindName, source.admits) = (bindName, admits)
            source.idAttribute = idAttribute ?? source.idAttribute
            source.addressAttribute = addressAttribute ?? source.addressAttribute
            source.aliasAttributes = aliasAttribute
            source.nameAttribute = nameAttribute ?? source.nameAttribute
            source.languageAttribute = languageAttribute
            (source.quotaAttribute, source.disabledAttribute) = (quotaAttribute, disabledAttribute)
            return .ldap(source)
        }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ask a domain's directory for an address, and say step by step what was found.",
            discussion: "Ends with 1 when a step fails. Changes nothing, and asks for no password."
        )
        @Argument(help: "The address.") var address: EmailAddress
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await DirectoryCommand.with(address.domain, options) { connections, name, ports in
                try options.show(try await connections.test(address, of: name, now: ports.stores.clock().now()))
            }
        }
    }

    struct Sync: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bring a domain's accounts to what its directory has.",
            discussion:
                "Ends with 1 when the directory did not answer, or when more would have been suspended than may be."
        )
        @Argument(help: "The domain.") var domain: String
        @Flag(name: .long, help: "Say what would be done, and do nothing.") var dryRun = false
        @OptionGroup var options: StoreOptions

        private struct Line: Encodable {
            var email: String
            var what: String
        }

        private struct Report: Encodable {
            var dryRun: Bool
            var run: DirectoryRunDocument
            var lines: [Line]
        }

        func run() async throws {
            try await DirectoryCommand.with(domain, options) { connections, name, ports in
                let connection = try await connections.connection(of: name)
                let report = try await connections.sync.run(
                    connection,
                    isDry: dryRun,
                    actor: "cli",
                    holder: "cli/\(ports.stores.clock().now().microseconds)",
                    clock: ports.stores.clock()
                )
                guard let report else { throw CommandFailure(.failure, "the directory is being synchronised") }
                var table = TextTable(["ACCOUNT", dryRun ? "WOULD BE" : "WAS"])
                for line in report.lines { table.add([line.address, line.what]) }
                try options.show(
                    Report(
                        dryRun: dryRun,
                        run: DirectoryRunDocument(report.run),
                        lines: report.lines.map { Line(email: $0.address, what: $0.what) }
                    ),
                    "\(table.text)\n\(DirectoryRunDocument(report.run).sentence)"
                )
                guard report.run.outcome == .done else {
                    throw CommandFailure(.failure, "the synchronisation did not do all of it")
                }
            }
        }
    }
}
