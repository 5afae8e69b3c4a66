import Addresses
import ArgumentParser
import MailModel
import MailPorts

struct AliasCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alias",
        abstract: "Addresses that stand for others.",
        subcommands: [Add.self, List.self, Show.self, Change.self, Remove.self]
    )

    private struct Document: Encodable {
        var alias: String
        var targets: [String]
        init(_ alias: Alias) {
            self.alias = alias.address.description
            targets = alias.targets.map(\.description)
        }

        var text: String { "\(alias) goes to \(targets.joined(separator: ", "))." }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Send mail for an address to others.")
        @Argument(help: "The new address, in a hosted domain.") var alias: EmailAddress
        @Argument(help: "Where its mail goes.") var targets: [EmailAddress]
        @OptionGroup var options: StoreOptions

        func run() async throws {
            guard !targets.isEmpty else { throw ValidationError("An alias needs a target.") }
            try await options.withAddresses("alias \(alias)") { service, ports in
                guard try await ports.stores.directory().domain(named: alias.domain) != nil else {
                    throw CommandFailure(.notFound, "there is no domain \(alias.domain)")
                }
                let made = Alias(address: alias, targets: targets)
                try await service.addAlias(made, by: .operatorAtShell)
                try options.show(Document(made), Document(made).text)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Aliases of one domain or of all.")
        @Option(name: .long, help: "Only this domain.") var domain: String?
        @Option(name: .long, help: "Only those whose address begins so.") var address: String?
        @Option(name: .long, help: "Only those with a target that begins so.") var target: String?
        @OptionGroup var text: TextOption
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withAddresses("aliases") { service, ports in
                let directory = try await ports.stores.directory()
                var found: [Document] = []
                let names =
                    if let domain { [EmailAddress.lowercased(domain)] } else {
                        try await directory.everyDomain().map(\.name)
                    }
                for name in names {
                    var listing = AliasListing(domain: name, limit: StoreOptions.page)
                    listing.prefix = address.map { EmailAddress.lowercased($0) }
                    listing.target = target.map { EmailAddress.lowercased($0) }
                    listing.text = text.text
                    found += try await service.store.every(listing).map { Document($0) }
                }
                var table = TextTable(["ALIAS", "GOES TO"])
                for one in found { table.add([one.alias, one.targets.joined(separator: ", ")]) }
                try options.show(found, table.text)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Where one alias leads.")
        @Argument(help: "The alias.") var alias: EmailAddress
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withAddresses("alias \(alias)") { service, _ in
                guard let found = try await service.store.alias(alias) else { throw AddressError.notFound }
                try options.show(Document(found), Document(found).text)
            }
        }
    }

    struct Change: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Send an alias's mail to other addresses.")
        @Argument(help: "The alias.") var alias: EmailAddress
        @Argument(help: "Where its mail goes from now on.") var targets: [EmailAddress]
        @OptionGroup var options: StoreOptions

        func run() async throws {
            guard !targets.isEmpty else { throw ValidationError("An alias needs a target.") }
            try await options.withAddresses("alias \(alias)") { service, _ in
                let changed = Alias(address: alias, targets: targets)
                try await service.setTargets(of: changed, by: .operatorAtShell)
                try options.show(Document(changed), Document(changed).text)
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Forget an alias.")
        @Argument(help: "The alias.") var alias: EmailAddress
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withAddresses("alias \(alias)") { service, _ in
                try await service.removeAlias(alias, by: .operatorAtShell)
                try options.show(["alias": alias.description], "\(alias) is gone.")
            }
        }
    }
}
