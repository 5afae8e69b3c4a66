import ArgumentParser
import MailModel
import MailPorts

struct SearchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "The search index in OpenSearch.",
        subcommands: [Status.self, Reindex.self]
    )

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "status",
            abstract: "How far the index has come, and whether it answers."
        )
        @OptionGroup var options: StoreOptions

        private struct Document: Encodable {
            var accounts: Int
            var waiting: Int
            var answers: Bool
        }

        func run() async throws {
            try await options.withPorts("search status") { ports in
                guard let index = try await ports.stores.searchIndex() else { throw SearchCommand.isNotSet }
                let state = try await ports.stores.searchSource().indexState()
                let answers = (try? await index.checkHealth()) != nil
                try options.show(
                    Document(accounts: state.accounts, waiting: state.waiting, answers: answers),
                    """
                    \(state.accounts) accounts are indexed, \(state.waiting) have changed since; OpenSearch \
                    \(answers ? "answers" : "does not answer").
                    """
                )
            }
        }
    }

    struct Reindex: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "reindex",
            abstract: "Have an account, or all, indexed anew by the running storage service.",
            discussion: "Searches find what is indexed again as it comes; nothing is shown that is not in the store."
        )
        @Argument(help: "An address of the account.") var account: EmailAddress?
        @Flag(name: .long, help: "Every account.") var all = false
        @OptionGroup var options: StoreOptions

        func validate() throws {
            guard (account == nil) == all else { throw ValidationError("Name an account, or give --all.") }
        }

        func run() async throws {
            try await options.withPorts("account \(account?.description ?? "")") { ports in
                guard try await ports.stores.searchIndex() != nil else { throw SearchCommand.isNotSet }
                let source = try await ports.stores.searchSource()
                guard let account else { return try await source.reindex(nil) }
                guard let found = try await ports.stores.directory().account(withAddress: account) else {
                    throw StoreError.notFound
                }
                try await source.reindex(found.id)
            }
        }
    }

    private static var isNotSet: CommandFailure {
        CommandFailure(.failure, "there is no search index: OPENSEARCH_URL is not set")
    }
}
