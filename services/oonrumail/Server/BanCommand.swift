import ArgumentParser
import ClientConduct
import MailModel
import MailPorts
import PlatformConfig
import ServiceHost
import Telemetry

struct BanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ban",
        abstract: "Networks whose connections are refused, and those that never are.",
        discussion: "Running services follow within OONRUMAIL_BAN_INTERVAL.",
        subcommands: [List.self, Show.self, Add.self, Exempt.self, Lift.self]
    )

    private static let head = ["NETWORK", "KIND", "STATE", "SINCE", "UNTIL", "TIMES", "BY", "REASON"]
    private static func cells(_ ban: BanDocument) -> [String] {
        [ban.network, ban.kind, ban.state, ban.since, ban.until ?? "lifted", "\(ban.times)", ban.madeBy, ban.reason]
    }

    private static func network(_ text: String) throws -> IPNetwork {
        guard let network = IPNetwork(text) else {
            throw ValidationError("\(text) is no IP address and no network such as 192.0.2.0/24")
        }
        return network.masked
    }

    private static func service(
        _ ports: CommandEnvironment.Ports,
        _ options: StoreOptions
    ) async throws -> BanService {
        BanService(store: try await ports.stores.bans(), policy: BanPolicy(try options.sources.settings()))
    }

    private static let actor = BanService.Actor("cli")

    /// What has the network itself.
    private static func ban(of network: IPNetwork, _ service: BanService, _ now: Timestamp) async throws -> Ban {
        var listing = BanListing(now: now, limit: StoreOptions.page)
        listing.covering = network.address
        let found = try await listing.every { page throws(StoreError) in try await service.store.bans(page) }
        guard let ban = found.first(where: { $0.network == network }) else { throw StoreError.notFound }
        return ban
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "What is in force, the newest first.")
        @Flag(name: .long, help: "Also what is over and remembered.") var all = false
        @OptionGroup var text: TextOption
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("bans") { ports in
                let store = try await ports.stores.bans()
                let now = ports.stores.clock().now()
                var listing = BanListing(now: now, limit: StoreOptions.page)
                (listing.state, listing.text) = (all ? nil : .inForce, text.text)
                let found = try await listing.every { page throws(StoreError) in try await store.bans(page) }
                let rows = found.map { BanDocument($0, at: now) }
                var table = TextTable(BanCommand.head)
                for row in rows { table.add(BanCommand.cells(row)) }
                try options.show(rows, table.text)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Every ban and exemption that an address is in, in force or remembered."
        )
        @Argument(help: "An IP address.") var address: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            guard let address = IPAddress(address) else { throw ValidationError("\(self.address) is no IP address") }
            try await options.withPorts("address \(address)") { ports in
                let store = try await ports.stores.bans()
                let now = ports.stores.clock().now()
                var listing = BanListing(now: now, limit: StoreOptions.page)
                listing.covering = address
                let found = try await listing.every { page throws(StoreError) in try await store.bans(page) }
                guard !found.isEmpty else { throw StoreError.notFound }
                let rows = found.map { BanDocument($0, at: now) }
                var table = TextTable(BanCommand.head)
                for row in rows { table.add(BanCommand.cells(row)) }
                try options.show(rows, table.text)
            }
        }
    }

    /// What both kinds are made with.
    struct Making: ParsableArguments {
        @Argument(help: "An IP address or a network such as 192.0.2.0/24.") var network: String
        @Option(name: .long, help: "Why; kept in the list and in the audit.") var reason: String
        @Option(name: [.customLong("for")], help: "How long, such as 12h or 30d; otherwise until it is lifted.")
        var length: String?
        @OptionGroup var options: StoreOptions

        func put(_ kind: Ban.Kind, _ done: String) async throws {
            let network = try BanCommand.network(network)
            let seconds = try length.map { text in
                guard let length = SettingText.duration(text) else {
                    throw ValidationError("\(text) is no length of time such as 12h or 30d")
                }
                return length.components.seconds
            }
            try await options.withPorts("network \(network)") { ports in
                let now = ports.stores.clock().now()
                let ban = try await service(ports, options).put(
                    kind,
                    of: network,
                    reason: reason,
                    until: seconds.map { now.adding(seconds: $0) },
                    by: BanCommand.actor,
                    now: now
                )
                let end = ban.until.map { "until \(RFC3339.wholeSeconds($0))" } ?? "until it is lifted"
                try options.show(BanDocument(ban, at: now), "\(network) is \(done) \(end).")
            }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Ban a network, in place of what it has.")
        @OptionGroup var making: Making

        func run() async throws { try await making.put(.ban, "banned") }
    }

    struct Exempt: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Never refuse a network, whatever it does; in place of what it has."
        )
        @OptionGroup var making: Making

        func run() async throws { try await making.put(.exemption, "exempt") }
    }

    struct Lift: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End a network's ban or exemption; it begins anew, without points."
        )
        @Argument(help: "The network as list shows it; an address is its own network.") var network: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let network = try BanCommand.network(network)
            try await options.withPorts("network \(network)") { ports in
                let now = ports.stores.clock().now()
                let service = try await service(ports, options)
                let known = try await ban(of: network, service, now)
                let lifted = try await service.lift(known.id, by: BanCommand.actor, now: now)
                try options.show(BanDocument(lifted, at: now), "The \(lifted.kind.rawValue) of \(network) is over.")
            }
        }
    }
}
