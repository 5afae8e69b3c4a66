import ArgumentParser
import Domains
import MailModel
import MailPorts
import ServiceHost

extension DomainCommand {
    /// Writing a domain's records where its zone is kept.
    struct Zone: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "zone",
            abstract: "Write a domain's records by its name server, by updates that a TSIG key signs.",
            subcommands: [Show.self, Connect.self, Disconnect.self, Check.self, Plan.self, Write.self]
        )

        static func with(
            _ domain: String,
            _ organisation: String?,
            _ options: StoreOptions,
            _ body: (ZoneWriter, ZoneMember, CommandEnvironment.Ports) async throws -> Void
        ) async throws {
            let name = try checked(domain)
            let settings = try options.sources.settings()
            try await options.withPorts("domain \(name)") { ports in
                let writer = try await ZoneWriter(ports.life, ports.stores, settings)
                do {
                    try await body(writer, try await member(name, organisation, ports), ports)
                } catch let fault as ZoneWriteFault {
                    throw failure(fault, name)
                }
            }
        }

        /// Hosted, or else claimed by the organisation that is named or is the only one.
        private static func member(
            _ name: String,
            _ organisation: String?,
            _ ports: CommandEnvironment.Ports
        ) async throws -> ZoneMember {
            let directory = try await ports.stores.directory()
            let owner = try await directory.organisations().first { $0.name == organisation }
            if let organisation, owner == nil {
                throw CommandFailure(.notFound, "there is no organisation \(organisation)")
            }
            if let domain = try await directory.domain(named: name), owner == nil || owner?.id == domain.organisation {
                return ZoneMember(domain)
            }
            let claim = try await ports.life.claim(on: name, organisation: owner?.id)
            return ZoneMember(organisation: claim.organisation, domain: claim.name, state: .pending)
        }

        private static func failure(_ fault: ZoneWriteFault, _ name: String) -> CommandFailure {
            switch fault {
            case .connection(let fault):
                CommandFailure(
                    fault,
                    subject: "domain \(name)",
                    absent: "no connection with a name server covers \(name)"
                )
            case .stale: CommandFailure(.failure, "the zone is not as it was when this was planned: plan again")
            case .zone(let fault):
                CommandFailure(fault.isCertain ? .failure : .unavailable, "\(name): \(fault.advice)")
            }
        }

        struct Show: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "The connection that covers a domain.")
            @Argument(help: "The domain.") var name: String
            @Option(name: .long, help: "Organisation that claims it, where several do.") var organisation: String?
            @OptionGroup var options: StoreOptions

            func run() async throws {
                try await Zone.with(name, organisation, options) { writer, member, _ in
                    let found = try await writer.connection(of: member)
                    try ZoneRow.print(found, try await writer.store.zoneState(of: member), options)
                }
            }
        }

        struct Connect: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Put a connection in force for a zone and every domain of the organisation in it.",
                discussion: "The key's secret is read from a file or standard input, or stays while server and key do."
            )
            @Argument(help: "The domain.") var name: String
            @Option(name: .long, help: "Host name or IP address of the zone's primary.") var server: String
            @Option(name: .long, help: "Its TCP port.") var port: Int?
            @Option(name: .long, help: "The zone; the domain's name by default.") var zone: String?
            @Option(name: .long, help: "The TSIG key's name, as the server has it.") var keyName: String
            @Option(name: .long, help: "hmac-sha256, hmac-sha384 or hmac-sha512.") var algorithm: String?
            @Option(name: .long, help: "File with the secret in Base64; - for standard input.") var secretFile: String?
            @Flag(name: .long, help: "Write records when they change, without anybody asking.") var automatic = false
            @Flag(name: .long, help: "Report what others change of them, and leave it so.") var reportDrift = false
            @Flag(name: .long, help: "Remove what was written when a domain is deleted.") var removeRecords = false
            @Option(name: .long, help: "Organisation that claims it, where several do.") var organisation: String?
            @OptionGroup var options: StoreOptions

            /// Octets of the file.
            private static let longestFile = 4_096

            func run() async throws {
                var wish = ZoneWish(host: server, keyName: keyName)
                (wish.zone, wish.port, wish.algorithm) = (zone, port, algorithm)
                if let secretFile {
                    let bytes = try InputFile.read(secretFile, atMost: Self.longestFile)
                    wish.secret = String(decoding: bytes, as: UTF8.self)
                }
                wish.isAutomatic = automatic
                wish.repairsDrift = !reportDrift
                wish.removesRecords = removeRecords
                try await Zone.with(name, organisation, options) { [wish] writer, member, ports in
                    let kept = try await writer.connect(
                        wish,
                        of: member,
                        replacing: nil,
                        audit: AuditEvent(
                            at: ports.stores.clock().now(),
                            actor: "cli",
                            action: "zone.connect",
                            subject: member.domain
                        )
                    )
                    try ZoneRow.print(kept, try await writer.store.zoneState(of: member), options)
                }
            }
        }

        struct Disconnect: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Forget the connection that covers a domain; records stay in the zone."
            )
            @Argument(help: "The domain.") var name: String
            @Option(name: .long, help: "Organisation that claims it, where several do.") var organisation: String?
            @OptionGroup var options: StoreOptions

            private struct Row: Encodable { var disconnected: String }

            func run() async throws {
                try await Zone.with(name, organisation, options) { writer, member, ports in
                    let now = ports.stores.clock().now()
                    try await writer.disconnect(
                        member,
                        audit: AuditEvent(at: now, actor: "cli", action: "zone.disconnect", subject: member.domain)
                    )
                    try options.show(Row(disconnected: member.domain), "The connection is forgotten.")
                }
            }
        }

        struct Check: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Try the connection, and say what is wrong.",
                discussion: "Exits with 1 when something is."
            )
            @Argument(help: "The domain.") var name: String
            @Option(name: .long, help: "Organisation that claims it, where several do.") var organisation: String?
            @OptionGroup var options: StoreOptions

            func run() async throws {
                try await Zone.with(name, organisation, options) { writer, member, _ in
                    try options.show(try await writer.check(member))
                }
            }
        }

        struct Plan: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "What writing would change of the zone now, and what it would leave; changes nothing."
            )
            @Argument(help: "The domain.") var name: String
            @Option(name: .long, help: "A step, such as spf/shop.test, of which somebody else's records are replaced.")
            var replace: [String] = []
            @Option(name: .long, help: "Organisation that claims it, where several do.") var organisation: String?
            @OptionGroup var options: StoreOptions

            func run() async throws {
                try await Zone.with(name, organisation, options) { writer, member, ports in
                    let now = ports.stores.clock().now()
                    let plan = try await writer.plan(member, replacing: Swift.Set(replace), now: now)
                    try ZonePlanDocument(plan).print("would be changed", options)
                }
            }
        }

        struct Write: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Write the domain's records, all or none; what is somebody else's stays.",
                discussion: "Exits with 1 when the zone is not as it was when the plan given was made."
            )
            @Argument(help: "The domain.") var name: String
            @Option(name: .long, help: "The plan that was shown: another one is not written.") var plan: String?
            @Option(name: .long, help: "A step, such as spf/shop.test, of which somebody else's records are replaced.")
            var replace: [String] = []
            @Option(name: .long, help: "Organisation that claims it, where several do.") var organisation: String?
            @OptionGroup var options: StoreOptions

            func run() async throws {
                try await Zone.with(name, organisation, options) { writer, member, ports in
                    guard member.state == .active || member.state == .pending else {
                        throw CommandFailure(.failure, "\(member.domain) is \(member.state.rawValue)")
                    }
                    let done = try await writer.write(
                        member,
                        plan: plan,
                        replacing: Swift.Set(replace),
                        actor: DomainLife.Actor("cli"),
                        now: ports.stores.clock().now()
                    )
                    try ZonePlanDocument(done).print("changed", options)
                }
            }
        }
    }
}
