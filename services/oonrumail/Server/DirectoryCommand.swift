import ArgumentParser
import Directories
import MailModel
import MailPorts
import ServiceHost

struct DirectoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "directory",
        abstract: "People of domains who come from an LDAP or SQL directory.",
        subcommands: [Show.self, Add.self, Test.self, Sync.self, Unlink.self, Remove.self]
    )

    private struct Row: Encodable {
        var domain: String
        var kind: String
        var enforced: Bool
        var makesAccounts: Bool
        var quotaBytes: Int64?
        var synchronised: Bool
        var mostSuspended: Int
        var setBy: String
        var hasSecret: Bool
        var url: String?
        var base: String?
        var filter: String?
        var admits: String?
        var idAttribute: String?
        var personQuery: String?
        var passwordQuery: String?
        var peopleQuery: String?
        var lastRun: DirectoryRunDocument?
    }

    static func with(
        _ domain: String,
        _ options: StoreOptions,
        _ body: (DirectoryConnections, String, CommandEnvironment.Ports) async throws -> Void
    ) async throws {
        let name = try DomainCommand.checked(domain)
        let settings = try options.sources.settings()
        try await options.withPorts("directory of \(name)") { ports in
            do {
                let service = try await DirectoryService(ports.stores, settings)
                try await body(try await DirectoryConnections(service, ports.stores), name, ports)
            } catch let fault as ConnectionFault {
                let absent = "\(name) has no directory, or is not hosted here"
                throw CommandFailure(fault, subject: "domain \(name)", absent: absent)
            }
        }
    }

    static func print(_ found: DirectoryConnection, _ run: DirectoryRun?, _ options: StoreOptions) throws {
        var row = Row(
            domain: found.domain,
            kind: found.source.kind,
            enforced: found.isEnforced,
            makesAccounts: found.makesAccounts,
            quotaBytes: found.quotaBytes,
            synchronised: found.isSynchronised,
            mostSuspended: found.mostSuspended,
            setBy: found.setBy.rawValue,
            hasSecret: found.sealedSecret != nil,
            lastRun: run.map { DirectoryRunDocument($0) }
        )
        var table = TextTable(["MEMBER", "VALUE"])
        switch found.source {
        case .ldap(let source):
            (row.url, row.base, row.filter, row.admits) = (source.url, source.base, source.filter, source.admits)
            row.idAttribute = source.idAttribute
            table.add([
                "server",
                source.url + (source.startsTLS && source.url.utf8.starts(with: "ldap:".utf8) ? " (StartTLS)" : ""),
            ])
            table.add(["base", source.base])
            table.add(["bind name", source.bindName ?? "-"])
            table.add(["filter", source.filter])
            table.add(["admits", source.admits ?? "everybody"])
            table.add(["identifier", source.idAttribute])
            table.add(["addresses", ([source.addressAttribute] + source.aliasAttributes).joined(separator: ", ")])
        case .sql(let source):
            (row.personQuery, row.passwordQuery) = (source.personQuery, source.passwordQuery)
            row.peopleQuery = source.peopleQuery
            table.add(["person", source.personQuery])
            table.add(["password", source.passwordQuery])
            table.add(["people", source.peopleQuery ?? "-"])
        }
        table.add(["passwords kept here", found.isEnforced ? "of owners and platform administrators only" : "too"])
        table.add(["new accounts", found.makesAccounts ? "made" : "not made"])
        table.add(["synchronised", found.isSynchronised ? "at intervals" : "by hand"])
        table.add(["suspends at most", "\(found.mostSuspended) %"])
        table.add(["set by", row.setBy])
        if let run { table.add(["last run", DirectoryRunDocument(run).sentence]) }
        try options.show(row, table.text)
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "A domain's directory and its last synchronisation.")
        @Argument(help: "The domain.") var domain: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await DirectoryCommand.with(domain, options) { connections, name, _ in
                let found = try await connections.connection(of: name)
                try DirectoryCommand.print(found, try await connections.lastRun(of: name), options)
            }
        }
    }

    struct Unlink: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Forget which person of the directory an account is: the next one with its address is linked.",
            discussion: "For people who were made anew in the directory. An account that was suspended stays so."
        )
        @Argument(help: "The account's address.") var address: EmailAddress
        @OptionGroup var options: StoreOptions

        private struct Row: Encodable { var unlinked: String }

        func run() async throws {
            try await DirectoryCommand.with(address.domain, options) { connections, name, ports in
                guard let account = try await ports.stores.directory().account(withAddress: address) else {
                    throw CommandFailure(.notFound, "there is no account \(address)")
                }
                let now = ports.stores.clock().now()
                try await connections.forget(
                    account.id,
                    of: name,
                    audit: AuditEvent(at: now, actor: "cli", action: "directory.unlink", subject: name)
                )
                try options.show(Row(unlinked: address.canonical), "\(address) is not linked any more.")
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End that people come from the directory; accounts stay as they are."
        )
        @Argument(help: "The domain.") var domain: String
        @OptionGroup var options: StoreOptions

        private struct Row: Encodable { var removed: String }

        func run() async throws {
            try await DirectoryCommand.with(domain, options) { connections, name, ports in
                let now = ports.stores.clock().now()
                try await connections.remove(
                    of: name,
                    by: .platformAdmin,
                    audit: AuditEvent(at: now, actor: "cli", action: "directory.remove", subject: name)
                )
                try options.show(Row(removed: name), "The directory of \(name) is removed.")
            }
        }
    }
}

extension DirectoryRunDocument {
    /// For people.
    var sentence: String {
        let counts =
            "\(seen) people; \(made) made, \(changed) changed, \(suspended) suspended, \(restored) restored, \(skipped) skipped"
        return "\(startedAt) \(outcome): \(counts)" + (detail.isEmpty ? "" : ". \(detail)")
    }
}
