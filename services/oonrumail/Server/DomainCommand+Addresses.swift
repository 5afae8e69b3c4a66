import Addresses
import ArgumentParser
import MailModel
import MailPorts

extension SubaddressSeparator: ExpressibleByArgument {}

/// Domains that mean another, and details of addresses.
extension DomainCommand {
    struct AliasOf: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "alias",
            abstract: "Make every address of a domain mean the same at another of its organisation.",
            discussion: "Without --of shows what the domain means; with --none makes it a domain of its own again."
        )
        @Argument(help: "The domain, verified and without addresses.") var name: String
        @Option(name: .long, help: "The domain that it means from now on.") var of: String?
        @Flag(name: .long, help: "It means itself.") var none = false
        @OptionGroup var options: StoreOptions

        func run() async throws {
            guard of == nil || !none else { throw ValidationError("--of and --none exclude each other.") }
            let name = EmailAddress.lowercased(name)
            try await options.withAddresses("domain \(name)") { service, _ in
                if of != nil || none { try await service.setDomainAlias(name, of: of, by: .operatorAtShell) }
                let main = try await service.routing(of: name).aliasOf
                try options.show(
                    ["domain": name, "alias_of": main ?? ""],
                    main.map { "\(name) means \($0)." } ?? "\(name) is a domain of its own."
                )
            }
        }
    }

    struct Subaddressing: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What divides an address from its detail, as in ann+news@shop.test."
        )
        @Argument(help: "The domain.") var name: String
        @Option(name: .long, help: "+, - or off; shows what it is when not given.") var separator: SubaddressSeparator?
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let name = EmailAddress.lowercased(name)
            try await options.withAddresses("domain \(name)") { service, _ in
                if let separator { try await service.setSeparator(separator, of: name, by: .operatorAtShell) }
                let present = try await service.routing(of: name).separator
                try options.show(
                    ["domain": name, "separator": present.rawValue],
                    present == .off ? "\(name) has no details." : "\(name) divides details by \(present.rawValue)."
                )
            }
        }
    }
}
