import Accounts
import ArgumentParser
import MailModel
import MailPorts
import PlatformConfig
import ServiceHost
import Telemetry

/// What is answered for people who are away.
struct VacationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vacation",
        abstract: "What is answered to people who write to somebody who is away.",
        subcommands: [Show.self, Set.self, End.self, Remove.self]
    )

    private static func with(
        _ address: EmailAddress,
        _ options: StoreOptions,
        _ body: (VacationService, Account, Timestamp) async throws -> Void
    ) async throws {
        let settings = try options.sources.settings()
        try await options.withPorts("account \(address)") { ports in
            let account = try await AccountCommand.account(address, in: try await ports.stores.directory())
            let people = try await AccountCommand.people(ports, settings)
            let service = VacationService(store: try await ports.stores.vacations(), people: people)
            try await body(service, account, ports.stores.clock().now())
        }
    }

    private static func show(_ vacation: Vacation, _ options: StoreOptions) throws {
        let document = VacationDocument(vacation)
        var table = TextTable(["ON", "FROM", "UNTIL", "TO", "EVERY", "SUBJECT", "OCTETS"])
        table.add([
            document.isEnabled ? "yes" : "no", document.startsAt ?? "-", document.endsAt ?? "-", document.audience,
            "\(document.intervalDays) days", document.subject ?? "-", "\(document.text.utf8.count)",
        ])
        try options.show(document, table.text)
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "What is answered for an account.")
        @Argument(help: "An address of the account.") var address: EmailAddress
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await VacationCommand.with(address, options) { service, account, _ in
                try VacationCommand.show(try await service.vacation(of: account), options)
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Answer for an account; whoever had an answer has this one too."
        )
        @Argument(help: "An address of the account.") var address: EmailAddress
        @Option(name: .long, help: "The file with the text in UTF-8; - for standard input.") var text: String
        @Option(name: .long, help: "The subject; otherwise 'Auto:' and that of what is answered.") var subject: String?
        @Option(name: .long, help: "The first moment, such as 2026-12-24T00:00:00Z; otherwise at once.") var from:
            String?
        @Option(name: .long, help: "The moment from which nobody is answered; otherwise until it is ended.")
        var until: String?
        @Option(name: .long, help: "Days in which one sender has one answer.") var interval = Vacation().intervalDays
        @Option(name: .long, help: "Who is answered: everyone, organisation.") var audience = Vacation().audience
            .rawValue
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let octets = try InputFile.read(text, atMost: VacationLimits.text)
            guard let body = String(validating: octets, as: UTF8.self) else {
                throw ValidationError("the text is not UTF-8")
            }
            guard let audience = Vacation.Audience(rawValue: audience) else {
                throw ValidationError("audiences are everyone and organisation")
            }
            let vacation = Vacation(
                isEnabled: true,
                startsAt: try from.map(Self.moment),
                endsAt: try until.map(Self.moment),
                subject: subject,
                text: body,
                intervalDays: interval,
                audience: audience
            )
            try await VacationCommand.with(address, options) { service, account, now in
                try await service.set(vacation, of: account.id, by: .commandLine, now: now)
                try VacationCommand.show(vacation, options)
            }
        }

        private static func moment(_ text: String) throws -> Timestamp {
            guard let moment = RFC3339.read(text) else {
                throw ValidationError("a time is written as 2026-12-24T00:00:00Z")
            }
            return moment
        }
    }

    struct End: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Answer nobody any more; the text stays.")
        @Argument(help: "An address of the account.") var address: EmailAddress
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await VacationCommand.with(address, options) { service, account, now in
                var vacation = try await service.vacation(of: account)
                vacation.isEnabled = false
                try await service.set(vacation, of: account.id, by: .commandLine, now: now)
                try VacationCommand.show(vacation, options)
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Answer nobody any more, and forget what was said.")
        @Argument(help: "An address of the account.") var address: EmailAddress
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await VacationCommand.with(address, options) { service, account, now in
                try await service.set(nil, of: account.id, by: .commandLine, now: now)
                try options.show(["removed": account.primaryAddress.description], "Nothing is answered for \(address).")
            }
        }
    }
}
