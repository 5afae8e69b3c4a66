import Accounts
import ArgumentParser
import MailModel
import MailPorts
import PlatformConfig

extension AccountCommand {
    struct Profile: AsyncParsableCommand {
        private struct Document: Encodable {
            var email: String
            var displayName: String
            var language: String?
            var timeZone: String?
            var hasAvatar: Bool
        }

        static let configuration = CommandConfiguration(
            abstract: "Show or change a person's name, language and time zone."
        )
        @Argument(help: "One of the account's addresses.") var address: EmailAddress
        @Option(name: .long, help: "Display name.") var name: String?
        @Option(name: .long, help: "BCP 47 tag such as pt-BR, or none.") var language: String?
        @Option(name: .long, help: "Name of the IANA database such as Europe/Berlin, or none.") var timeZone: String?
        @Flag(name: .long, help: "Take the picture away.") var removeAvatar = false
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let settings = try options.sources.settings()
            let edit = { (text: String?) -> Edit<String> in text.map { .set($0 == "none" ? nil : $0) } ?? .keep }
            let profile = ProfileText(language: edit(language), timeZone: edit(timeZone))
            try await options.withPorts("account \(address)") { ports in
                let account = try await account(address, in: try await ports.stores.directory())
                let people = try await people(ports, settings)
                let now = ports.stores.clock().now()
                var person = try await people.person(account.id, for: .commandLine)
                if name != nil || language != nil || timeZone != nil {
                    person = try await people.change(
                        account.id,
                        displayName: name,
                        role: nil,
                        profile: profile,
                        by: .commandLine,
                        now: now
                    )
                }
                if removeAvatar {
                    person = try await AvatarService(store: try await ports.stores.avatars(), people: people)
                        .set(nil, of: account.id, by: .commandLine, now: now)
                }
                let document = Document(
                    email: person.account.primaryAddress.description,
                    displayName: person.account.displayName,
                    language: person.language?.description,
                    timeZone: person.timeZone,
                    hasAvatar: person.avatarVersion != nil
                )
                var table = TextTable(["ADDRESS", "NAME", "LANGUAGE", "TIME ZONE", "PICTURE"])
                table.add([
                    document.email, document.displayName, document.language ?? "-", document.timeZone ?? "-",
                    document.hasAvatar ? "yes" : "no",
                ])
                try options.show(document, table.text)
            }
        }
    }

    struct Address: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Several addresses of one account.",
            subcommands: [List.self, Add.self, Primary.self, Remove.self]
        )

        private struct Document: Encodable {
            var email: String
            var isPrimary: Bool
        }

        /// One step, then what there is.
        private static func step(
            on address: EmailAddress,
            _ options: StoreOptions,
            _ work: (AccountAddresses, AccountID, Timestamp) async throws -> Void = { _, _, _ in }
        ) async throws {
            let settings = try options.sources.settings()
            try await options.withPorts("account \(address)") { ports in
                let account = try await account(address, in: try await ports.stores.directory())
                let addresses = AccountAddresses(
                    store: try await ports.stores.accountAddresses(),
                    people: try await people(ports, settings),
                    limit: settings.accountAddresses
                )
                try await work(addresses, account.id, ports.stores.clock().now())
                let known = try await addresses.list(of: account.id, for: .commandLine)
                var table = TextTable(["ADDRESS", "PRIMARY"])
                for one in known { table.add([one.address.description, one.isPrimary ? "yes" : "no"]) }
                try options.show(
                    known.map { Document(email: $0.address.description, isPrimary: $0.isPrimary) },
                    table.text
                )
            }
        }

        struct List: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "The addresses of an account.")
            @Argument(help: "One of them.") var account: EmailAddress
            @OptionGroup var options: StoreOptions
            func run() async throws { try await step(on: account, options) }
        }

        struct Add: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Give an account another address, in a verified domain of its organisation."
            )
            @Argument(help: "One of the account's addresses.") var account: EmailAddress
            @Argument(help: "The new one.") var address: EmailAddress
            @OptionGroup var options: StoreOptions
            func run() async throws {
                try await step(on: account, options) { addresses, id, now in
                    _ = try await addresses.add(address.description, to: id, by: .commandLine, now: now)
                }
            }
        }

        struct Primary: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "Call an account by another of its addresses.")
            @Argument(help: "One of the account's addresses.") var account: EmailAddress
            @Argument(help: "The one to be the primary.") var address: EmailAddress
            @OptionGroup var options: StoreOptions
            func run() async throws {
                try await step(on: account, options) { addresses, id, now in
                    _ = try await addresses.makePrimary(address.description, of: id, by: .commandLine, now: now)
                }
            }
        }

        struct Remove: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "Take an address away; never the primary one.")
            @Argument(help: "Another of the account's addresses.") var account: EmailAddress
            @Argument(help: "The one to remove.") var address: EmailAddress
            @OptionGroup var options: StoreOptions
            func run() async throws {
                try await step(on: account, options) { addresses, id, now in
                    try await addresses.remove(address.description, of: id, by: .commandLine, now: now)
                }
            }
        }
    }
}
