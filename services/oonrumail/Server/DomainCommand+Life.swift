import ArgumentParser
import Domains
import MailModel
import MailPorts

/// Steps in the life of a domain.
extension DomainCommand {
    /// Takes a step and prints what came of it.
    private static func take(
        _ name: String,
        _ options: StoreOptions,
        _ step: (CommandEnvironment.Ports, DomainLife.Actor, Timestamp) async throws -> HostedDomain
    ) async throws {
        try await options.withPorts("domain \(name)") { ports in
            let directory = try await ports.stores.directory()
            let changed = try await step(ports, DomainLife.Actor("cli"), ports.stores.clock().now())
            let owner = try await directory.organisations().first { $0.id == changed.organisation }?.name ?? "-"
            let row = DomainRow(changed, owner)
            let end = row.removedAt.map { ", removed for good after \($0)" } ?? ""
            try options.show(row, "\(changed.name) is \(row.status)\(end).")
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Look for the challenge of a pending domain in DNS and host the domain when it is there."
        )
        @Argument(help: "The domain.") var name: String
        @Option(name: .long, help: "Organisation that claims it, where several do.") var organisation: String?
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let name = try checked(name)
            try await DomainCommand.take(name, options) { ports, actor, now in
                let known = try await ports.stores.directory().organisations()
                let owner = organisation.map { wanted in known.first { $0.name == wanted } }
                if let organisation, owner == .some(nil) {
                    throw CommandFailure(.notFound, "there is no organisation \(organisation)")
                }
                let claim = try await ports.life.claim(on: name, organisation: owner??.id)
                return try await ports.life.verify(claim, actor: actor, now: now)
            }
        }
    }

    struct Suspend: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stop a domain's mail; its people may still read theirs."
        )
        @Argument(help: "The domain.") var name: String
        @Option(name: .long, help: "Why; its owner reads it.") var reason = "by the operator"
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let name = try checked(name)
            try await DomainCommand.take(name, options) { ports, actor, now in
                try await ports.life.take(.suspend(reason: reason), on: name, actor: actor, now: now)
            }
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a suspension.")
        @Argument(help: "The domain.") var name: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let name = try checked(name)
            try await DomainCommand.take(name, options) { ports, actor, now in
                try await ports.life.take(.resume, on: name, actor: actor, now: now)
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete a domain; it can be restored until OONRUMAIL_DOMAIN_GRACE is over."
        )
        @Argument(help: "The domain.") var name: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let name = try checked(name)
            try await DomainCommand.take(name, options) { ports, actor, now in
                try await ports.life.delete(name, actor: actor, now: now)
            }
        }
    }

    struct Restore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Bring a deleted domain back as it was.")
        @Argument(help: "The domain.") var name: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let name = try checked(name)
            try await DomainCommand.take(name, options) { ports, actor, now in
                try await ports.life.take(.restore, on: name, actor: actor, now: now)
            }
        }
    }
}
