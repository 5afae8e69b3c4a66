import Accounts
import ArgumentParser
import MailModel
import MailPorts
import PlatformConfig
import ServiceHost

struct QuotaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quota",
        abstract: "Quotas of organisations, domains and accounts.",
        discussion: "WHOSE is an account's address, a domain, or the number of an organisation.",
        subcommands: [Show.self, Set.self, Verify.self, Repair.self]
    )

    static func subject(_ whose: String, in directory: any DirectoryStore) async throws -> QuotaSubject {
        if let address = EmailAddress(whose) {
            return .account(try await AccountCommand.account(address, in: directory).id)
        }
        if let number = Int64(whose) { return .organisation(OrganisationID(number)) }
        return .domain(try DomainCommand.checked(whose))
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Limits and use.")
        @Argument(help: "An address, a domain, or the number of an organisation.") var whose: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("quota of \(whose)") { ports in
                let subject = try await QuotaCommand.subject(whose, in: try await ports.stores.directory())
                let document = QuotaDocument(try await ports.stores.quotas().quota(of: subject))
                try options.show(document, document.text)
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set limits; what is not named stays.",
            discussion: "Mail beyond a hard limit is refused for the time being; beyond a soft one it is only told."
        )
        @Argument(help: "An address, a domain, or the number of an organisation.") var whose: String
        @Option(name: .long, help: "Octets such as 2G, or none.") var hard: String?
        @Option(name: .long, help: "Octets such as 2G, or none.") var soft: String?
        @Option(name: .long, help: "Messages, or none.") var hardMessages: String?
        @Option(name: .long, help: "Messages, or none.") var softMessages: String?
        @OptionGroup var options: StoreOptions

        private func messages(_ text: String) throws -> Int64? {
            guard text != "none" else { return nil }
            guard let count = Int64(text) else { throw ValidationError("\(text) is no number of messages, nor none") }
            return count
        }

        func run() async throws {
            let octets = try [hard, soft].map { try $0.map(AccountCommand.quota) }
            let counts = try [hardMessages, softMessages].map { try $0.map(messages) }
            try await options.withPorts("quota of \(whose)") { ports in
                let quotas = try await ports.stores.quotas()
                let subject = try await QuotaCommand.subject(whose, in: try await ports.stores.directory())
                let before = try await quotas.quota(of: subject)
                var limits = before.limits
                if let given = octets[0] { limits.hardBytes = given }
                if let given = octets[1] { limits.softBytes = given }
                if let given = counts[0] { limits.hardMessages = given }
                if let given = counts[1] { limits.softMessages = given }
                let audit = AuditEvent(
                    at: ports.stores.clock().now(),
                    actor: "cli",
                    action: "quota.set",
                    subject: before.auditName
                )
                let document = QuotaDocument(try await quotas.setLimits(limits, of: subject, audit: audit))
                try options.show(document, document.text)
            }
        }
    }

    struct Findings: Encodable {
        var accounts: Int
        var driftBytes: Int64
        var driftMessages: Int64
        var findings: [String]
        init(_ audit: QuotaAudit) {
            accounts = audit.accounts
            driftBytes = audit.driftBytes
            driftMessages = audit.driftMessages
            findings = audit.findings
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Compare the counters of quotas with the mail; exit code 1 when one is wrong."
        )
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("quotas") { ports in
                let quotas = try await ports.stores.quotas()
                var found = QuotaAudit()
                repeat {
                    let page = try await quotas.auditQuota(after: found.last, limit: 500)
                    found.accounts += page.accounts
                    found.driftBytes += page.driftBytes
                    found.driftMessages += page.driftMessages
                    found.findings += page.findings
                    found.last = page.last
                } while found.last != nil
                let text = (found.findings + ["\(found.accounts) accounts, \(found.findings.count) findings"])
                try options.show(Findings(found), text.joined(separator: "\n"))
                guard found.findings.isEmpty else { throw ExitCode(CommandFailure.Code.failure.rawValue) }
            }
        }
    }

    struct Repair: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Count quotas anew, of one account or of all; works beside a running server."
        )
        @Argument(help: "An account's address; every account without it.") var address: EmailAddress?
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("quotas") { ports in
                var account: AccountID?
                if let address {
                    account = try await AccountCommand.account(address, in: try await ports.stores.directory()).id
                }
                let audit = AuditEvent(
                    at: ports.stores.clock().now(),
                    actor: "cli",
                    action: "quota.repair",
                    subject: address?.canonical ?? "quotas"
                )
                let found = try await ports.stores.quotas().repairQuota(of: account, audit: audit)
                let text = found.findings + ["\(found.accounts) accounts counted, \(found.findings.count) corrected"]
                try options.show(Findings(found), text.joined(separator: "\n"))
            }
        }
    }
}

extension QuotaDocument {
    /// As a table.
    fileprivate var text: String {
        func size(_ limit: Int64?) -> String { limit.map { SettingText.text(size: Int($0)) } ?? "none" }
        func count(_ limit: Int64?) -> String { limit.map { "\($0)" } ?? "none" }
        var table = TextTable(["", "USED", "SOFT", "HARD"])
        table.add(["octets", "\(usedBytes)", size(softBytes), size(hardBytes)])
        table.add(["messages", "\(usedMessages)", count(softMessages), count(hardMessages)])
        let told = warned.isEmpty ? "nothing" : warned.joined(separator: ", ")
        return "\(level) \(TextTable.printable(name)), \(accounts) accounts, warned of \(told)\n\(table.text)"
    }
}
