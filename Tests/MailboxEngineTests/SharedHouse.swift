import BlobFiles
import CacheMemory
import Foundation
import Logging
import MailModel
import MailPorts
import MailboxEngine
import NIOCore
import NIOPosix
import SQLStore
import Testing

/// A store in a temporary folder with an organisation of three accounts, and one of another organisation.
final class SharedHouse: Sendable {
    let folder: String
    let store: SQLStore
    let owner: Account
    let reader: Account
    let team: Account
    let stranger: Account

    init() async throws {
        folder = NSTemporaryDirectory() + "shared-house-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder + "/blobs", withIntermediateDirectories: true)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        store = try await SQLStore.open(
            folder: folder,
            blobs: BlobFiles(folder: folder + "/blobs", threads: .singleton, logger: logger),
            feed: MemoryChangeFeed(),
            clock: FixedClock(),
            logger: logger
        )
        let made = AuditEvent(at: Timestamp(seconds: 0), actor: "test", action: "test", subject: "")
        let shop = try await store.addOrganisation(name: "Shop", audit: made).id
        let rival = try await store.addOrganisation(name: "Rival", audit: made).id
        _ = try await store.addDomain("shop.test", organisation: shop, keys: [], audit: made)
        _ = try await store.addDomain("rival.test", organisation: rival, keys: [], audit: made)
        func new(_ address: String, _ organisation: OrganisationID) throws -> NewAccount {
            NewAccount(organisation: organisation, address: try #require(EmailAddress(address)), passwordHash: "-")
        }
        owner = try await store.addAccount(try new("ann@shop.test", shop), audit: nil)
        reader = try await store.addAccount(try new("bob@shop.test", shop), audit: nil)
        stranger = try await store.addAccount(try new("cy@rival.test", rival), audit: nil)
        team = try await store.addTeamAccount(
            try new("support@shop.test", shop),
            audit: AuditEvent(at: FixedClock().now(), actor: "cli", action: "account.add", subject: "support@shop.test")
        )
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func access(_ account: Account) -> MailboxAccess {
        MailboxAccess(reader: account.id, store: store, sharing: store)
    }

    var sharing: MailboxSharing {
        MailboxSharing(store: store, mailboxes: store, directory: store, allowsAnyone: true)
    }

    /// Gives the reader exactly these rights.
    func give(_ rights: MailboxRights, in mailbox: MailboxID, of owner: Account? = nil) async throws {
        let owner = owner ?? self.owner
        _ = try await store.changeRights(
            RightsChange(.replace, rights),
            of: .account(reader.id),
            in: mailbox,
            of: owner.id,
            atMost: 100,
            audit: AuditEvent(at: FixedClock().now(), actor: "cli", action: "test", subject: "ann@shop.test")
        )
    }

    static let item = AppendItem(
        bytes: .memory(ByteBuffer(string: "Subject: tea\r\n\r\nAt four.\r\n")),
        summary: MessageSummary(headerSize: 16, subject: "tea"),
        flags: [.seen, .deleted, .flagged],
        keywords: Keywords(["$Tea"]),
        internalDate: Timestamp(seconds: 1_700_000_000)
    )

    /// A mailbox of the owner with a message that has `\Deleted`.
    func mailbox(_ name: String, of account: Account? = nil) async throws -> MailboxRecord {
        let account = account ?? owner
        let made = try await store.create(name, specialUse: nil, of: account.id)
        _ = try await store.append([Self.item], to: made.id, of: account.id)
        return made
    }
}

private struct FixedClock: WallClock {
    func now() -> Timestamp { Timestamp(seconds: 1_800_000_000) }
}
