import MailModel
import MailPorts
import MailboxEngine
import SQLStore
import Testing

/// What a session does in its own mailboxes costs nothing of sharing: the store of rights is not asked at all.
@Suite("One's own mailboxes") struct OwnMailboxTests {
    @Test func `On one's own mailboxes nothing is asked beside the operation itself`() async throws {
        let house = try await SharedHouse()
        let access = MailboxAccess(reader: house.owner.id, store: house.store, sharing: Untouched())
        _ = try await house.mailbox("Work")
        _ = try await house.mailbox("Shared/Plans")
        for name in ["INBOX", "Work", "Shared/Plans"] {
            let place = try await access.find(name, to: .select)
            for operation in MailboxOperation.allCases { try await access.look(at: place, to: operation) }
            _ = try await access.append([SharedHouse.item], to: place)
            _ = try await access.setFlags(
                .all,
                in: place,
                mode: .add,
                flags: .deleted,
                keywords: .none,
                unchangedSince: nil
            )
            _ = try await access.copy(.all, from: place, to: place)
            _ = try await access.entries(of: place)
            try await access.expunge(.all, in: place)
            try await access.expungeIfAllowed(place)
        }
        let (inbox, work) = (try await access.find("INBOX"), try await access.find("Work"))
        _ = try await access.append([SharedHouse.item], to: inbox)
        _ = try await access.move(.all, from: inbox, to: work)
        try await access.create("Work/New", specialUse: nil)
        try await access.rename("Work/New", to: "Shared/New")
        _ = try await access.delete("Shared/New")
        try await access.setSubscribed("Other Users/bob@shop.test/INBOX", true)
        #expect(try await access.subscriptions().contains("Other Users/bob@shop.test/INBOX"))
        #expect(try await access.ownMailboxes().contains { $0.name == "Shared/Plans" })
    }

    /// Any question fails the test: the failure is not one that `MailboxAccess` takes for an answer.
    private struct Untouched: MailboxSharingStore {
        private let failure = StoreError.refused("the store of rights was asked")

        func sharedMailboxes(with reader: AccountID) async throws(StoreError) -> [SharedMailbox] { throw failure }
        func sharedMailbox(
            named name: String,
            ofOwner owner: EmailAddress,
            with reader: AccountID
        ) async throws(StoreError) -> SharedMailbox? { throw failure }
        func sharedMailbox(
            _ mailbox: MailboxID,
            of owner: AccountID,
            with reader: AccountID
        ) async throws(StoreError) -> SharedMailbox? { throw failure }
        func grants(in mailbox: MailboxID, of owner: AccountID) async throws(StoreError) -> [MailboxGrant] {
            throw failure
        }
        func changeRights(
            _ change: RightsChange,
            of identifier: MailboxIdentifier,
            in mailbox: MailboxID,
            of owner: AccountID,
            atMost limit: Int,
            audit: AuditEvent
        ) async throws(StoreError) -> MailboxRights { throw failure }
        func transfer(_ transfer: MessageTransfer) async throws(StoreError) -> CopyReceipt { throw failure }
        func addTeamAccount(_ account: NewAccount, audit: AuditEvent) async throws(StoreError) -> Account {
            throw failure
        }
        func teamAccounts(_ listing: TeamListing) async throws(StoreError) -> [TeamAccount] { throw failure }
    }
}
