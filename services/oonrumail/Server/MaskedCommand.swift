import Addresses
import ArgumentParser
import MailModel
import MailPorts
import ServiceHost

/// Masked addresses of an account.
struct MaskedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "masked",
        abstract: "Random addresses that a person gives out instead of the own one.",
        subcommands: [Add.self, List.self, Enable.self, Disable.self, Remove.self]
    )

    private static func with(
        _ account: EmailAddress,
        _ options: StoreOptions,
        _ body: (AddressService, Account) async throws -> Void
    ) async throws {
        try await options.withAddresses("account \(account)") { service, ports in
            guard let found = try await ports.stores.directory().account(withAddress: account) else {
                throw CommandFailure(.notFound, "there is no account \(account)")
            }
            try await body(service, found)
        }
    }

    private static func enable(
        _ isEnabled: Bool,
        _ address: EmailAddress,
        of account: EmailAddress,
        _ options: StoreOptions
    ) async throws {
        try await with(account, options) { service, found in
            var masked = try await service.masked(address, of: found)
            masked.isEnabled = isEnabled
            try await service.changeMasked(masked, of: found, by: .operatorAtShell)
            try options.show(MaskedAddressDocument(masked), "\(address) \(isEnabled ? "takes mail" : "refuses mail").")
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make one.")
        @Argument(help: "The account.") var account: EmailAddress
        @Option(name: .long, help: "What it is for.") var label = ""
        @Option(name: .long, help: "Where it is given out.") var site = ""
        @Option(name: .long, help: "A domain of the organisation; otherwise that of the account.") var domain: String?
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await MaskedCommand.with(account, options) { service, found in
                let made = try await service.addMasked(
                    for: found,
                    domain: domain,
                    label: label,
                    site: site,
                    by: .operatorAtShell
                )
                try options.show(MaskedAddressDocument(made), made.address.description)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Those of an account.")
        @Argument(help: "The account.") var account: EmailAddress
        @Option(name: .long, help: "Only those given out there.") var site: String?
        @Option(name: .long, help: "Only those that take mail (true), or refuse it (false).") var enabled: Bool?
        @OptionGroup var text: TextOption
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await MaskedCommand.with(account, options) { service, found in
                var listing = MaskedListing(account: found.id, limit: StoreOptions.page)
                (listing.site, listing.isEnabled, listing.text) = (site, enabled, text.text)
                let all = try await listing.every { page throws(StoreError) in
                    try await service.store.maskedAddresses(page)
                }
                var table = TextTable(["ADDRESS", "MAIL", "LAST USED", "LABEL", "SITE"])
                let documents = all.map { MaskedAddressDocument($0) }
                for one in documents {
                    table.add([
                        one.address, one.isEnabled ? "taken" : "refused", one.lastUsedAt ?? "-", one.label, one.site,
                    ])
                }
                try options.show(documents, table.text)
            }
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take its mail again.")
        @Argument(help: "The account.") var account: EmailAddress
        @Argument(help: "The masked address.") var address: EmailAddress
        @OptionGroup var options: StoreOptions
        func run() async throws { try await MaskedCommand.enable(true, address, of: account, options) }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Refuse its mail.")
        @Argument(help: "The account.") var account: EmailAddress
        @Argument(help: "The masked address.") var address: EmailAddress
        @OptionGroup var options: StoreOptions
        func run() async throws { try await MaskedCommand.enable(false, address, of: account, options) }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Forget one for good.")
        @Argument(help: "The account.") var account: EmailAddress
        @Argument(help: "The masked address.") var address: EmailAddress
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await MaskedCommand.with(account, options) { service, found in
                try await service.removeMasked(address, of: found, by: .operatorAtShell)
                try options.show(["removed": address.description], "\(address) is gone.")
            }
        }
    }
}
