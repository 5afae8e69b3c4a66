import ArgumentParser
import MailPorts

struct CacheCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache",
        abstract: "What the processes keep in Redis beside the database.",
        subcommands: [Warm.self]
    )

    struct Warm: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "warm",
            abstract: "Write the facts of every hosted domain to domains:cache:NAME, before traffic asks for them.",
            discussion:
                "Entries live for a minute, or until their domain changes. Without Redis there is nothing to warm."
        )
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("cache warm") { ports in
                struct Document: Encodable { var domains: Int }
                guard let count = try await ports.stores.maintenance().warmDomainCache() else {
                    throw CommandFailure(.failure, "there is no cache to warm: REDIS_HOST is not set")
                }
                try options.show(Document(domains: count), "Warmed the facts of \(count) domains.")
            }
        }
    }
}
