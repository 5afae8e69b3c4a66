package import MailModel
package import MailPorts

/// A shelf without pictures.
package struct FakeAvatars: AvatarStore {
    package init() {}

    package func avatar(of account: AccountID) async throws(StoreError) -> Avatar? { nil }

    package func setAvatar(
        _ avatar: Avatar?,
        of account: AccountID,
        upTo limit: Role,
        audit: AuditEvent
    ) async throws(StoreError) -> Person { throw .refused("no fake") }
}
