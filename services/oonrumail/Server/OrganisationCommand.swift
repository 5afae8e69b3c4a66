import Accounts
import ArgumentParser
import MailModel
import MailPorts
import Telemetry

struct OrganisationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "organisation",
        abstract: "Organisations: the tenants that own domains and accounts.",
        subcommands: [Add.self, List.self, Show.self, Rename.self, Suspend.self, Restore.self, SignInPolicy.self]
    )

    private struct Document: Encodable {
        var id: Int64
        var name: String
        var status: String
        var reason: String?
        var createdAt: String

        init(_ record: OrganisationRecord) {
            id = record.id.rawValue
            name = record.name
            status = record.status.rawValue
            reason = record.reason
            createdAt = RFC3339.text(record.createdAt)
        }
    }

    private static func text(_ records: [OrganisationRecord]) -> String {
        var table = TextTable(["ID", "NAME", "STATUS", "REASON"])
        for record in records {
            table.add(["\(record.id)", record.name, record.status.rawValue, record.reason ?? "-"])
        }
        return table.text
    }

    /// One step on one organisation.
    private static func step(
        _ subject: String,
        _ options: StoreOptions,
        _ work: (PeopleService, Timestamp) async throws -> OrganisationRecord
    ) async throws {
        let settings = try options.sources.settings()
        try await options.withPorts("organisation \(subject)") { ports in
            let people = try await AccountCommand.people(ports, settings)
            let record = try await work(people, ports.stores.clock().now())
            try options.show(Document(record), text([record]))
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make an organisation.")
        @Argument(help: "Its name.") var name: String
        @OptionGroup var options: StoreOptions
        func run() async throws {
            try await step(name, options) { people, now in
                try await people.addOrganisation(named: name, by: .commandLine, now: now)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "All organisations, by name.")
        @Option(name: .long, help: "Only those that are active or suspended.") var status: OrganisationRecord.Status?
        @OptionGroup var text: TextOption
        @OptionGroup var options: StoreOptions
        func run() async throws {
            let settings = try options.sources.settings()
            try await options.withPorts("organisations") { ports in
                let people = try await AccountCommand.people(ports, settings)
                var listing = OrganisationListing(limit: StoreOptions.page)
                (listing.status, listing.text) = (status, text.text)
                let found = try await listing.every { page in
                    try await people.organisations(page, for: .commandLine)
                }
                try options.show(found.map { Document($0) }, OrganisationCommand.text(found))
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one organisation.")
        @Argument(help: "Its number.") var id: Int64
        @OptionGroup var options: StoreOptions
        func run() async throws {
            try await step("\(id)", options) { people, _ in
                try await people.organisation(OrganisationID(id), for: .commandLine)
            }
        }
    }

    struct Rename: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Rename an organisation.")
        @Argument(help: "Its number.") var id: Int64
        @Argument(help: "Its new name.") var name: String
        @OptionGroup var options: StoreOptions
        func run() async throws {
            try await step("\(id)", options) { people, now in
                try await people.rename(OrganisationID(id), to: name, by: .commandLine, now: now)
            }
        }
    }

    struct Suspend: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Suspend an organisation: its people sign in nowhere, its addresses take no mail."
        )
        @Argument(help: "Its number.") var id: Int64
        @Option(name: .long, help: "Why; its managers read it.") var reason: String
        @OptionGroup var options: StoreOptions
        func run() async throws {
            try await step("\(id)", options) { people, now in
                try await people.suspend(OrganisationID(id), reason: reason, by: .commandLine, now: now)
            }
        }
    }

    struct Restore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End an organisation's suspension.")
        @Argument(help: "Its number.") var id: Int64
        @OptionGroup var options: StoreOptions
        func run() async throws {
            try await step("\(id)", options) { people, now in
                try await people.suspend(OrganisationID(id), reason: nil, by: .commandLine, now: now)
            }
        }
    }
}
