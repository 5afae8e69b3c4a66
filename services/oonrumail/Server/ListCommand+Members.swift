import Addresses
import ArgumentParser
import MailModel
import MailPorts

/// Who belongs to a list.
extension ListCommand {
    struct AddMember: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Add members, here or elsewhere.")
        @Argument(help: "The list.") var list: EmailAddress
        @Argument(help: "New members.") var members: [EmailAddress]
        @OptionGroup var options: StoreOptions

        func run() async throws {
            guard !members.isEmpty else { throw ValidationError("Name a member.") }
            try await options.withAddresses("list \(list)") { service, _ in
                let added = try await service.addMembers(members, to: list, by: .operatorAtShell)
                try options.show(["added": added], "\(added) of \(members.count) are new.")
            }
        }
    }

    struct RemoveMember: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Remove a member.")
        @Argument(help: "The list.") var list: EmailAddress
        @Argument(help: "The member.") var member: EmailAddress
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withAddresses("member \(member) of list \(list)") { service, _ in
                try await service.removeMember(member, of: list, by: .operatorAtShell)
                try options.show(["removed": member.description], "\(member) is no member any more.")
            }
        }
    }

    struct Owners: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Name the accounts that look after a list.")
        @Argument(help: "The list.") var list: EmailAddress
        @Argument(help: "Its owners from now on; none: postmaster is asked.") var owners: [EmailAddress] = []
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withAddresses("list \(list)") { service, _ in
                try await service.setOwners(owners, of: list, by: .operatorAtShell)
                let names = owners.map(\.description)
                try options.show(["owners": names], "\(list) has \(names.count) owners.")
            }
        }
    }

    struct Senders: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Name the addresses that may write to a list of the rule named."
        )
        @Argument(help: "The list.") var list: EmailAddress
        @Argument(help: "Its senders from now on.") var senders: [EmailAddress] = []
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withAddresses("list \(list)") { service, _ in
                try await service.setSenders(senders, of: list, by: .operatorAtShell)
                let names = senders.map(\.description)
                try options.show(["senders": names], "\(names.count) addresses may write to \(list).")
            }
        }
    }
}
