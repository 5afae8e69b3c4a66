package import MailModel

/// A member of a change that may be left as it is, set or taken away.
package enum Edit<Value: Hashable & Sendable>: Hashable, Sendable {
    case keep
    /// nil takes it away.
    case set(Value?)

    package func applied(to old: Value?) -> Value? {
        switch self {
        case .keep: old
        case .set(let new): new
        }
    }
}

/// What programs should know of an account's person.
package struct ProfileChange: Hashable, Sendable {
    package var language: Edit<LanguageTag>
    /// A name of the system's zone data.
    package var timeZone: Edit<String>
    package init(language: Edit<LanguageTag> = .keep, timeZone: Edit<String> = .keep) {
        (self.language, self.timeZone) = (language, timeZone)
    }
}

/// A picture of a person.
package struct Avatar: Hashable, Sendable {
    package var kind: PictureHeader.Kind
    package var bytes: [UInt8]
    package init(kind: PictureHeader.Kind, bytes: [UInt8]) { (self.kind, self.bytes) = (kind, bytes) }
}

/// Pictures of accounts; their version is part of `Person`.
package protocol AvatarStore: Sendable {
    func avatar(of account: AccountID) async throws(StoreError) -> Avatar?
    /// nil takes it away; the version grows with each change. `.notFound` when there is no such account.
    func setAvatar(
        _ avatar: Avatar?,
        of account: AccountID,
        upTo limit: Role,
        audit: AuditEvent
    ) async throws(StoreError) -> Person
}
