import Addresses
import ArgumentParser
import MailModel
import MailPorts

/// What becomes of mail to addresses that nobody has.
struct CatchAllCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "catch-all",
        abstract: "Mail to addresses of a domain that nobody has.",
        subcommands: [Show.self, Deliver.self, Forward.self, Reject.self]
    )

    private static func show(_ domain: String, _ options: StoreOptions, _ service: AddressService) async throws {
        let catchAll = try await service.routing(of: domain).catchAll
        let document = [
            "domain": domain, "action": catchAll?.action ?? "reject", "target": catchAll?.target.description ?? "",
        ]
        let text =
            catchAll.map {
                "\(domain): \($0.action == "deliver" ? "goes to the account" : "is sent on to") \($0.target)"
            }
            ?? "\(domain): is refused"
        try options.show(document, text)
    }

    private static func set(_ catchAll: CatchAll?, _ domain: String, _ options: StoreOptions) async throws {
        let domain = EmailAddress.lowercased(domain)
        try await options.withAddresses("domain \(domain)") { service, _ in
            try await service.setCatchAll(catchAll, of: domain, by: .operatorAtShell)
            try await show(domain, options, service)
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "What becomes of it.")
        @Argument(help: "The domain.") var domain: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let domain = EmailAddress.lowercased(domain)
            try await options.withAddresses("domain \(domain)") { service, _ in
                try await CatchAllCommand.show(domain, options, service)
            }
        }
    }

    struct Deliver: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Deliver it to an account of the organisation.")
        @Argument(help: "The domain.") var domain: String
        @Argument(help: "The account's address.") var account: EmailAddress
        @OptionGroup var options: StoreOptions
        func run() async throws { try await CatchAllCommand.set(.deliver(account), domain, options) }
    }

    struct Forward: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Send it on to an address.")
        @Argument(help: "The domain.") var domain: String
        @Argument(help: "Where it goes.") var target: EmailAddress
        @OptionGroup var options: StoreOptions
        func run() async throws { try await CatchAllCommand.set(.forward(target), domain, options) }
    }

    struct Reject: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Refuse it: what every domain does at first.")
        @Argument(help: "The domain.") var domain: String
        @OptionGroup var options: StoreOptions
        func run() async throws { try await CatchAllCommand.set(nil, domain, options) }
    }
}

extension CatchAll {
    var action: String {
        switch self {
        case .deliver: "deliver"
        case .forward: "forward"
        }
    }
}
