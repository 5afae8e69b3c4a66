import Accounts
import ArgumentParser
import MailModel
import MailPorts
import Telemetry

struct DomainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "domain",
        abstract: "Hosted domains and the records to publish for them.",
        subcommands: [Add.self, List.self, Show.self, DNS.self]
    )

    private struct Document: Encodable {
        struct Record: Encodable {
            var name: String
            var type: String
            var value: String
            var ttl: Int
        }
        var name: String
        var organisation: String
        var status: String
        var createdAt: String
        var records: [Record]?

        init(_ domain: HostedDomain, _ organisation: String, _ records: [PublishedRecord]? = nil) {
            name = domain.name
            self.organisation = organisation
            status = domain.status.rawValue
            createdAt = RFC3339.text(domain.createdAt)
            self.records = records?.map { Record(name: $0.name, type: $0.type, value: $0.value, ttl: $0.ttl) }
        }
    }

    private static func checked(_ name: String) throws -> String {
        let lowered = EmailAddress.lowercased(name)
        guard EmailAddress.isDomain(lowered.utf8) else { throw CommandFailure(.failure, "\(name) is no domain name") }
        return lowered
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Host a domain: makes its signing keys.")
        @Argument(help: "The domain, such as shop.test.") var name: String
        @Option(name: .long, help: "Organisation that it belongs to, made when missing; the first one by default.")
        var organisation: String?
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let name = try checked(name)
            try await options.withPorts("domain \(name)") { ports in
                let directory = try await ports.stores.directory()
                let now = ports.stores.clock().now()
                // Before an organisation is made for nothing.
                guard try await directory.domain(named: name) == nil else { throw StoreError.alreadyExists }
                let known = try await directory.organisations()
                let wanted = organisation ?? known.min { $0.id < $1.id }?.name ?? name
                let owner: Organisation
                if let found = known.first(where: { $0.name == wanted }) {
                    owner = found
                } else {
                    owner = try await directory.addOrganisation(name: wanted)
                }
                let domain = try await ports.domains.addDomain(name, organisation: owner.id, now: now)
                try await directory.recordAudit(AuditEvent(at: now, actor: "cli", action: "domain.add", subject: name))
                let records = try await ports.domains.records(of: name)
                try options.show(
                    Document(domain, owner.name, records),
                    "Added \(name). Publish the records that `oonrumail domain dns \(name)` prints."
                )
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Every hosted domain.")
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("domains") { ports in
                let directory = try await ports.stores.directory()
                let names = Dictionary(
                    uniqueKeysWithValues: try await directory.organisations().map { ($0.id, $0.name) }
                )
                let domains = try await directory.everyDomain().map {
                    Document($0, names[$0.organisation] ?? "\($0.organisation)")
                }
                var table = TextTable(["DOMAIN", "STATUS", "ORGANISATION", "SINCE"])
                for domain in domains {
                    table.add([domain.name, domain.status, domain.organisation, domain.createdAt])
                }
                try options.show(domains, table.text)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "One domain with its records.")
        @Argument(help: "The domain.") var name: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let name = try checked(name)
            try await options.withPorts("domain \(name)") { ports in
                let directory = try await ports.stores.directory()
                guard let domain = try await directory.domain(named: name) else { throw StoreError.notFound }
                let organisation =
                    try await directory.organisations().first { $0.id == domain.organisation }?.name ?? "-"
                let document = Document(domain, organisation, try await ports.domains.records(of: name))
                var lines = ["\(name): \(document.status), organisation \(organisation), since \(document.createdAt)"]
                lines += (document.records ?? []).map { "\($0.name). \($0.ttl) IN \($0.type) \($0.value)" }
                try options.show(document, lines.joined(separator: "\n"))
            }
        }
    }

    struct DNS: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "dns",
            abstract: "The records to publish (MX, SPF, DKIM, DMARC) as a zone file."
        )
        @Argument(help: "The domain.") var name: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let name = try checked(name)
            try await options.withPorts("domain \(name)") { ports in
                let directory = try await ports.stores.directory()
                guard let domain = try await directory.domain(named: name) else { throw StoreError.notFound }
                let zone = try await ports.domains.zoneFile(of: name)
                try options.show(
                    Document(domain, "\(domain.organisation)", try await ports.domains.records(of: name)).records,
                    zone
                )
            }
        }
    }
}

extension DirectoryStore {
    /// Page by page.
    func everyDomain() async throws(StoreError) -> [HostedDomain] {
        var all: [HostedDomain] = []
        while true {
            let page = try await domains(of: nil, after: all.last?.name, limit: 500)
            all += page
            if page.count < 500 { return all }
        }
    }

    func everyAccount(ofDomain domain: String) async throws(StoreError) -> [Account] {
        var all: [Account] = []
        while true {
            let page = try await accounts(ofDomain: domain, after: all.last?.primaryAddress.canonical, limit: 500)
            all += page
            if page.count < 500 { return all }
        }
    }
}
