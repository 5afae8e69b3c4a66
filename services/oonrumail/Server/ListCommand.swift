import Addresses
import ArgumentParser
import MailModel
import MailPorts

extension PostingRule: ExpressibleByArgument {}

/// Distribution lists.
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Distribution lists: one address, many members.",
        subcommands: [
            Add.self, All.self, Show.self, Change.self, Remove.self, AddMember.self, RemoveMember.self, Owners.self,
            Senders.self,
        ]
    )

    private struct Document: Encodable {
        var address: String
        var name: String
        var posting: String
        var maximumSize: Int?
        var owners: [String]?
        var senders: [String]?
        var members: [String]?

        init(_ list: DistributionList) {
            address = list.address.description
            name = list.name
            posting = list.posting.rawValue
            maximumSize = list.maximumSize
        }
    }

    private static func show(_ list: EmailAddress, _ options: StoreOptions, _ service: AddressService) async throws {
        var document = Document(try await service.list(list))
        document.owners = try await service.store.owners(of: list).map(\.primaryAddress.description)
        document.senders = try await service.store.senders(of: list).map(\.description)
        let members = try await service.store.everyMember(of: list).map(\.description)
        document.members = members
        let text = """
            \(document.address)  \(TextTable.printable(document.name))
            may write   \(document.posting)\(document.maximumSize.map { ", at most \($0) octets" } ?? "")
            senders     \(document.senders?.joined(separator: ", ") ?? "")
            owners      \(document.owners?.joined(separator: ", ") ?? "")
            members     \(members.count)
            \(members.map { "  \($0)" }.joined(separator: "\n"))
            """
        try options.show(document, text)
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a list, with its -bounces and -owner addresses."
        )
        @Argument(help: "The list's address, in a hosted domain.") var list: EmailAddress
        @Argument(help: "Members.") var members: [EmailAddress] = []
        @Option(name: .long, help: "What readers see.") var name = ""
        @Option(name: .long, help: "Who may write: anyone, organisation, members or named.") var posting =
            PostingRule.organisation
        @Option(name: .long, help: "Octets of a message.") var maxSize: Int?
        @Option(name: .long, help: "An account that looks after it; several times for several.") var owner:
            [EmailAddress] = []
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withAddresses("list \(list)") { service, _ in
                _ = try await service.addList(
                    AddressService.NewList(
                        address: list,
                        name: name,
                        posting: posting,
                        maximumSize: maxSize,
                        owners: owner
                    ),
                    by: .operatorAtShell
                )
                if !members.isEmpty { _ = try await service.addMembers(members, to: list, by: .operatorAtShell) }
                try await ListCommand.show(list, options, service)
            }
        }
    }

    struct All: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "Lists of one domain or of all."
        )
        @Option(name: .long, help: "Only this domain.") var domain: String?
        @Option(name: .long, help: "Only those of this rule: anyone, organisation, members or named.")
        var posting: PostingRule?
        @OptionGroup var text: TextOption
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withAddresses("lists") { service, ports in
                var names = domain.map { [EmailAddress.lowercased($0)] } ?? []
                if domain == nil { names = try await ports.stores.directory().everyDomain().map(\.name) }
                var found: [Document] = []
                for name in names {
                    var listing = DistributionListing(domain: name, limit: StoreOptions.page)
                    (listing.posting, listing.text) = (posting, text.text)
                    found += try await service.store.every(listing).map { Document($0) }
                }
                var table = TextTable(["LIST", "MAY WRITE", "NAME"])
                for one in found { table.add([one.address, one.posting, one.name]) }
                try options.show(found, table.text)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "A list with its members, owners and senders.")
        @Argument(help: "The list.") var list: EmailAddress
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withAddresses("list \(list)") { service, _ in
                try await ListCommand.show(list, options, service)
            }
        }
    }

    struct Change: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Change a list's name, size or who may write.")
        @Argument(help: "The list.") var list: EmailAddress
        @Option(name: .long, help: "What readers see.") var name: String?
        @Option(name: .long, help: "Who may write: anyone, organisation, members or named.") var posting: PostingRule?
        @Option(name: .long, help: "Octets of a message; 0 for no limit of its own.") var maxSize: Int?
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withAddresses("list \(list)") { service, _ in
                let before = try await service.list(list)
                var changed = before
                changed.name = name ?? changed.name
                changed.posting = posting ?? changed.posting
                if let maxSize { changed.maximumSize = maxSize == 0 ? nil : maxSize }
                try await service.changeList(changed, from: before, by: .operatorAtShell)
                try await ListCommand.show(list, options, service)
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Forget a list and its addresses.")
        @Argument(help: "The list.") var list: EmailAddress
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withAddresses("list \(list)") { service, _ in
                try await service.removeList(try await service.list(list), by: .operatorAtShell)
                try options.show(["list": list.description], "\(list) is gone.")
            }
        }
    }
}
