import Accounts
import ArgumentParser
import MailModel
import MailPorts
import MailboxEngine
import PlatformConfig

struct MailboxCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mailbox",
        abstract: "Who may do what in whose mailboxes.",
        discussion: """
            Rights are letters (RFC 4314): l list, r read, s mark seen, w flag, i add, k make mailboxes below, x delete and rename,
            t mark deleted, e expunge, a give rights; p is kept and allows nothing.
            """,
        subcommands: [Share.self, Unshare.self, Rights.self]
    )

    fileprivate struct Row: Encodable {
        var mailbox: String
        var identifier: String
        var rights: String
    }

    fileprivate struct Selection: ParsableArguments {
        @Argument(help: "Whose mailbox it is.") var owner: EmailAddress
        @Option(name: .long, help: "The mailbox's name.") var mailbox = "INBOX"
        @Flag(name: .long, help: "Every mailbox of the account.") var all = false

        /// The mailboxes that are meant, with what changes them.
        func targets(
            _ ports: CommandEnvironment.Ports,
            _ settings: StoreOptions
        ) async throws -> (MailboxSharing, [MailboxSharing.Target]) {
            let directory = try await ports.stores.directory()
            let mailboxes = try await ports.stores.mailboxes()
            let sharing = MailboxSharing(
                store: try await ports.stores.mailboxSharing(),
                mailboxes: mailboxes,
                directory: directory,
                allowsAnyone: try settings.sources.settings().sharesWithAnyone
            )
            let account = try await AccountCommand.account(owner, in: directory)
            let records =
                all
                ? try await mailboxes.mailboxes(of: account.id)
                : [try await mailboxes.mailbox(named: mailbox, of: account.id)]
            return (sharing, records.map { MailboxSharing.Target(owner: account, mailbox: $0) })
        }
    }

    fileprivate static func change(
        _ change: RightsChange,
        of identifier: String,
        _ selection: Selection,
        _ options: StoreOptions
    ) async throws {
        try await options.withPorts("mailboxes of \(selection.owner)") { ports in
            let (sharing, targets) = try await selection.targets(ports, options)
            var rows: [Row] = []
            for target in targets {
                do throws(SharingFailure) {
                    let grant = try await sharing.change(
                        change,
                        of: identifier,
                        in: target,
                        by: SharingActor("cli", remote: nil),
                        now: ports.stores.clock().now()
                    )
                    rows.append(
                        Row(
                            mailbox: target.mailbox.name,
                            identifier: grant.name,
                            rights: grant.rights.description
                        )
                    )
                } catch {
                    throw commandError(error)
                }
            }
            try show(rows, options)
        }
    }

    fileprivate static func show(_ rows: [Row], _ options: StoreOptions) throws {
        var table = TextTable(["MAILBOX", "WHO", "RIGHTS"])
        for row in rows { table.add([row.mailbox, row.identifier, row.rights.isEmpty ? "none" : row.rights]) }
        try options.show(rows, table.text)
    }

    static func commandError(_ failure: SharingFailure) -> any Error {
        switch failure {
        case .notPermitted: CommandFailure(.failure, "it is not allowed")
        case .unknownIdentifier(let why): CommandFailure(.notFound, why)
        case .refused(_, let why): CommandFailure(.failure, why)
        case .store(let error): error
        }
    }

    struct Share: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give an account of the same organisation, or anyone of it, rights in a mailbox."
        )
        @OptionGroup fileprivate var selection: Selection
        @Argument(help: "The account's address, or anyone.") var identifier: String
        @Option(name: .long, help: "Letters; with + or - in front they are added or taken.") var rights = "lrswite"
        @OptionGroup var options: StoreOptions

        func run() async throws {
            var letters = Array(rights.utf8)[...]
            var mode = RightsChange.Mode.replace
            if letters.first == UInt8(ascii: "+") { mode = .add }
            if letters.first == UInt8(ascii: "-") { mode = .remove }
            if mode != .replace { letters = letters.dropFirst() }
            guard let rights = MailboxRights(letters: letters), !rights.isEmpty else {
                throw ValidationError("\(self.rights) are no rights: take letters of lrswipkxtea")
            }
            try await MailboxCommand.change(RightsChange(mode, rights), of: identifier, selection, options)
        }
    }

    struct Unshare: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take every right of an account, or of anyone.")
        @OptionGroup fileprivate var selection: Selection
        @Argument(help: "The account's address, or anyone.") var identifier: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await MailboxCommand.change(RightsChange(.remove, .all), of: identifier, selection, options)
        }
    }

    struct Rights: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show who has which rights, the owner first.")
        @OptionGroup fileprivate var selection: Selection
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("mailboxes of \(selection.owner)") { ports in
                let (sharing, targets) = try await selection.targets(ports, options)
                var rows: [Row] = []
                for target in targets {
                    rows += try await sharing.grants(target).map {
                        Row(mailbox: target.mailbox.name, identifier: $0.name, rights: $0.rights.description)
                    }
                }
                try MailboxCommand.show(rows, options)
            }
        }
    }
}
