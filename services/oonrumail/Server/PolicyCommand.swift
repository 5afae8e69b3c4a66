import ArgumentParser
import FoundationEssentials
import MailModel
import MailPolicy
import MailPorts
import Telemetry

struct PolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "Policies of domains.",
        subcommands: [Show.self, Set.self]
    )

    private struct Document: Encodable {
        var domain: String
        var version: Int64
        var changedAt: String?
        var policy: DomainPolicy
    }

    private static func print(_ record: PolicyRecord, of domain: String, _ options: StoreOptions) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let text = String(decoding: try encoder.encode(record.policy), as: UTF8.self)
        try options.show(
            Document(
                domain: domain,
                version: record.version,
                changedAt: record.changedAt.map { RFC3339.text($0) },
                policy: record.policy
            ),
            text
        )
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print a domain's policy as `policy set` takes it.")
        @Argument(help: "The domain.") var domain: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let name = try DomainCommand.checked(domain)
            try await options.withPorts("domain \(name)") { ports in
                let record = try await ports.stores.policies().policyRecord(ofDomain: name)
                try PolicyCommand.print(record, of: name, options)
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a policy in force, read as JSON from standard input.",
            discussion: "What it leaves out rules nothing; {} ends every rule. docs/POLICIES.md lists the members."
        )
        @Argument(help: "The domain.") var domain: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let name = try DomainCommand.checked(domain)
            let policy = try Self.read()
            try await options.withPorts("domain \(name)") { ports in
                let directory = try await ports.stores.directory()
                guard let hosted = try await directory.domain(named: name) else {
                    throw CommandFailure(.notFound, "there is no domain \(name)")
                }
                if let place = try await policy.foreignCopy(of: hosted.organisation, directory) {
                    throw CommandFailure(
                        .failure,
                        "copies/\(place)/address: copies go to addresses of the same organisation"
                    )
                }
                let record = try await ports.stores.policies().setPolicy(
                    policy,
                    ofDomain: name,
                    replacing: nil,
                    audit: AuditEvent(
                        at: ports.stores.clock().now(),
                        actor: "cli",
                        action: "domain.policy",
                        subject: name
                    )
                )
                try PolicyCommand.print(record, of: name, options)
            }
        }

        /// Octets of a document.
        private static let limit = 1 << 20

        private static func read() throws -> DomainPolicy {
            let bytes = CommandEnvironment.current.terminal.readAll(limit: limit)
            let policy: DomainPolicy
            do {
                policy = try JSONDecoder().decode(StrictPolicy.self, from: Data(bytes)).policy
            } catch DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty {
                throw CommandFailure(.failure, "standard input has no policy: \(context.debugDescription)")
            } catch {
                throw CommandFailure(.failure, "standard input has no policy: \(error)")
            }
            if let fault = policy.faults.first { throw CommandFailure(.failure, "\(fault.pointer): \(fault.why)") }
            return policy
        }
    }
}
