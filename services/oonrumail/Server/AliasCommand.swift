import ArgumentParser
import MailModel
import MailPorts

struct AliasCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alias",
        abstract: "Addresses that stand for others.",
        subcommands: [Add.self, List.self, Remove.self]
    )

    private struct Document: Encodable {
        var alias: String
        var targets: [String]
        init(_ alias: EmailAddress, _ targets: [EmailAddress]) {
            self.alias = alias.description
            self.targets = targets.map(\.description)
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Send mail for an address to others.")
        @Argument(help: "The new address, in a hosted domain.") var alias: EmailAddress
        @Argument(help: "Where its mail goes.") var targets: [EmailAddress]
        @OptionGroup var options: StoreOptions

        func run() async throws {
            guard !targets.isEmpty else { throw ValidationError("An alias needs a target.") }
            try await options.withPorts("alias \(alias)") { ports in
                let directory = try await ports.stores.directory()
                guard try await directory.domain(named: alias.domain) != nil else {
                    throw CommandFailure(.notFound, "there is no domain \(alias.domain)")
                }
                try await directory.addAlias(alias, targets: targets)
                try await directory.audit("alias.add", alias, ports)
                try options.show(
                    Document(alias, targets),
                    "\(alias) goes to \(targets.map(\.description).joined(separator: ", "))."
                )
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Aliases of one domain or of all.")
        @Option(name: .long, help: "Only this domain.") var domain: String?
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("aliases") { ports in
                let directory = try await ports.stores.directory()
                var found: [Document] = []
                let names =
                    if let domain { [EmailAddress.lowercased(domain)] } else {
                        try await directory.everyDomain().map(\.name)
                    }
                for name in names {
                    found += try await directory.aliases(ofDomain: name).map { Document($0.alias, $0.targets) }
                }
                var table = TextTable(["ALIAS", "GOES TO"])
                for one in found { table.add([one.alias, one.targets.joined(separator: ", ")]) }
                try options.show(found, table.text)
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Forget an alias.")
        @Argument(help: "The alias.") var alias: EmailAddress
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("alias \(alias)") { ports in
                let directory = try await ports.stores.directory()
                try await directory.removeAlias(alias)
                try await directory.audit("alias.remove", alias, ports)
                try options.show(["alias": alias.description], "\(alias) is gone.")
            }
        }
    }
}
