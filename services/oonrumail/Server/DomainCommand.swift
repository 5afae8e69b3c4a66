import Accounts
import ArgumentParser
import Domains
import MailModel
import MailPorts

struct DomainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "domain",
        abstract: "Hosted domains and the records to publish for them.",
        subcommands: [
            Add.self, List.self, Show.self, DNS.self, Check.self, AliasOf.self, Subaddressing.self, Verify.self,
            Suspend.self, Resume.self, Delete.self,
            Restore.self, Import.self, Export.self, Statistics.self, Zone.self,
        ]
    )

    static func checked(_ name: String) throws -> String {
        let lowered = EmailAddress.lowercased(name)
        guard EmailAddress.isDomain(lowered.utf8) else { throw CommandFailure(.failure, "\(name) is no domain name") }
        return lowered
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Host a domain: makes its signing keys.")
        @Argument(help: "The domain, such as shop.test.") var name: String
        @Option(name: .long, help: "Organisation that it belongs to, made when missing; the first one by default.")
        var organisation: String?
        @Flag(
            inversion: .prefixedNo,
            help: "Vouch for the domain; otherwise it takes no mail until its owner has proved it."
        ) var verified = true
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let name = try checked(name)
            try await options.withPorts("domain \(name)") { ports in
                let directory = try await ports.stores.directory()
                let now = ports.stores.clock().now()
                // Before an organisation is made for nothing.
                if verified, try await directory.domain(named: name) != nil { throw StoreError.alreadyExists }
                let known = try await directory.organisations()
                let wanted = organisation ?? known.min { $0.id < $1.id }?.name ?? name
                let owner: Organisation
                if let found = known.first(where: { $0.name == wanted }) {
                    owner = found
                } else {
                    owner = try await directory.addOrganisation(
                        name: wanted,
                        audit: AuditEvent(at: now, actor: "cli", action: "organisation.add", subject: "")
                    )
                }
                guard verified else {
                    let actor = DomainLife.Actor("cli")
                    let claim = try await ports.life.claim(name, organisation: owner.id, actor: actor, now: now)
                    return try options.show(
                        DomainRow(claim, owner.name, ports.life),
                        DomainRow.instructions(claim, ports.life)
                    )
                }
                let domain = try await ports.domains.addDomain(
                    name,
                    organisation: owner.id,
                    actor: "cli",
                    remote: nil,
                    now: now
                )
                let records = try await ports.domains.records(of: name)
                try options.show(
                    DomainRow(domain, owner.name, records),
                    "Added \(name). Publish the records that `oonrumail domain dns \(name)` prints."
                )
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Every domain, in whatever state.")
        @Option(name: .long, help: "Only those that are pending, verified, suspended or deleted.")
        var status: DomainListing.Status?
        @Option(name: .long, help: "Only those whose name begins so.") var name: String?
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("domains") { ports in
                let directory = try await ports.stores.directory()
                let names = Dictionary(
                    uniqueKeysWithValues: try await directory.organisations().map { ($0.id, $0.name) }
                )
                var listing = DomainListing(organisation: nil, limit: StoreOptions.page)
                (listing.status, listing.prefix) = (status, name.map { EmailAddress.lowercased($0) })
                let found = try await listing.every { page throws(StoreError) in try await directory.domains(page) }
                let domains = found.map {
                    DomainRow($0, names[$0.organisation] ?? "\($0.organisation)", ports.life)
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
                let document = DomainRow(domain, organisation, try await ports.domains.records(of: name))
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
                    DomainRow(domain, "\(domain.organisation)", try await ports.domains.records(of: name)).records,
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
}
