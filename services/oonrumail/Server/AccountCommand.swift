import Accounts
import ArgumentParser
import MailModel
import MailPorts
import PlatformConfig
import Telemetry

struct AccountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account",
        abstract: "Accounts, their passwords and quotas.",
        subcommands: [
            Add.self, List.self, Show.self, Change.self, Password.self, Quota.self, Suspend.self, Activate.self,
            Delete.self, Reset.self, Profile.self, Address.self,
        ]
    )

    struct Document: Encodable {
        var id: Int64
        var email: String
        var displayName: String
        var role: String
        var status: String
        var hasPassword: Bool
        var quotaBytes: Int64?
        var usedBytes: Int64
        var usedMessages: Int64
        var createdAt: String

        init(_ account: Account) {
            id = account.id.rawValue
            email = account.primaryAddress.description
            displayName = account.displayName
            role = account.role.rawValue
            status = account.status.rawValue
            hasPassword = account.hasPassword
            quotaBytes = account.quotaBytes
            usedBytes = account.usedBytes
            usedMessages = account.usedMessages
            createdAt = RFC3339.text(account.createdAt)
        }
    }

    static func service(_ ports: CommandEnvironment.Ports, defaultQuota: Int = 0) async throws -> AccountService {
        AccountService(
            directory: try await ports.stores.directory(),
            passwords: ports.passwords,
            defaultQuota: defaultQuota > 0 ? Int64(defaultQuota) : nil
        )
    }

    static func account(_ address: EmailAddress, in directory: any DirectoryStore) async throws -> Account {
        guard let account = try await directory.account(withAddress: address) else {
            throw AccountError.noSuchAccount(address)
        }
        return account
    }

    static func event(_ action: String, _ address: EmailAddress, _ ports: CommandEnvironment.Ports) -> AuditEvent {
        AuditEvent(at: ports.stores.clock().now(), actor: "cli", action: action, subject: address.canonical)
    }

    /// Octets of a quota: a size, or `none`.
    static func quota(_ text: String) throws -> Int64? {
        guard text != "none" else { return nil }
        guard let size = SettingText.size(text) else {
            throw ValidationError("\(text) is no size such as 500M or 2G, nor none")
        }
        return Int64(size)
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Accounts of one domain or of all.")
        @Option(name: .long, help: "Only this domain.") var domain: String?
        @Option(name: .long, help: "Only those of this role.") var role: Role?
        @Option(name: .long, help: "Only those that are active, suspended or deleted.") var status: Account.Status?
        @Option(name: .long, help: "Only those whose address begins so.") var email: String?
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("accounts") { ports in
                let directory = try await ports.stores.directory()
                var names = domain.map { [EmailAddress.lowercased($0)] } ?? []
                for name in names where try await directory.domain(named: name) == nil {
                    throw CommandFailure(.notFound, "there is no domain \(name)")
                }
                if domain == nil { names = try await directory.everyDomain().map(\.name) }
                var accounts: [Account] = []
                for name in names {
                    var listing = AccountListing(domain: name, limit: StoreOptions.page)
                    (listing.role, listing.status) = (role, status)
                    listing.prefix = email.map { EmailAddress.lowercased($0) }
                    accounts += try await listing.every { page throws(StoreError) in try await directory.accounts(page)
                    }
                }
                var table = TextTable(["ADDRESS", "ROLE", "STATUS", "PASSWORD", "MESSAGES", "USED", "QUOTA"])
                for account in accounts {
                    table.add([
                        account.primaryAddress.description, account.role.rawValue, account.status.rawValue,
                        account.hasPassword ? "yes" : "no", "\(account.usedMessages)", "\(account.usedBytes)",
                        account.quotaBytes.map { SettingText.text(size: Int($0)) } ?? "none",
                    ])
                }
                try options.show(accounts.map { Document($0) }, table.text)
            }
        }
    }

    struct Quota: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show or set a quota.")
        @Argument(help: "The account's address.") var address: EmailAddress
        @Argument(help: "New quota such as 2G, or none.") var size: String?
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let limit = try size.map(AccountCommand.quota)
            try await options.withPorts("account \(address)") { ports in
                let directory = try await ports.stores.directory()
                var account = try await AccountCommand.account(address, in: directory)
                if let limit {
                    try await directory.setQuota(
                        account.id,
                        bytes: limit,
                        audit: AccountCommand.event("account.quota", address, ports)
                    )
                    account.quotaBytes = limit
                }
                let quota = account.quotaBytes.map { SettingText.text(size: Int($0)) } ?? "none"
                try options.show(
                    Document(account),
                    "\(address): \(account.usedBytes) octets in \(account.usedMessages) messages, quota \(quota)"
                )
            }
        }
    }

    struct Reset: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Make an account's mail, folders and settings anew. Its mail is lost; addresses and password stay."
        )
        @Argument(help: "The account's address.") var address: EmailAddress
        @Flag(name: .long, help: "Really do it.") var yes = false
        @OptionGroup var options: StoreOptions

        func run() async throws {
            guard yes else {
                throw CommandFailure(.failure, "this deletes all mail of \(address); say --yes if you mean it")
            }
            try await options.withPorts("account \(address)") { ports in
                let directory = try await ports.stores.directory()
                let account = try await AccountCommand.account(address, in: directory)
                try await directory.resetAccount(
                    account.id,
                    audit: AccountCommand.event("account.reset", address, ports)
                )
                try options.show(["email": address.description], "\(address) is as new.")
            }
        }
    }
}
