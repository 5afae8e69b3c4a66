package import MailModel
package import MailPorts

package struct AvatarLimits: Sendable {
    /// Octets.
    package static let size = 256 << 10
    /// Width and height in pixels.
    package static let side = 2_048
}

/// Pictures of people: one's own, and others' by those who manage them; colleagues see them.
///
/// Invariants: what is kept is a PNG, JPEG or WebP picture by its own octets; what is another organisation's is not there.
package struct AvatarService: Sendable {
    package enum Fault: Error, Equatable, Sendable {
        case tooLarge, otherKind, badSize
    }

    private let store: any AvatarStore
    private let people: PeopleService

    package init(store: any AvatarStore, people: PeopleService) { (self.store, self.people) = (store, people) }

    /// Reads what a client sent.
    package static func picture(_ bytes: [UInt8]) throws(Fault) -> Avatar {
        guard bytes.count <= AvatarLimits.size else { throw .tooLarge }
        guard let header = PictureHeader(bytes) else { throw .otherKind }
        guard (1...AvatarLimits.side).contains(header.width), (1...AvatarLimits.side).contains(header.height) else {
            throw .badSize
        }
        return Avatar(kind: header.kind, bytes: bytes)
    }

    /// `.notFound` for accounts of other organisations and without a picture.
    package func avatar(of id: AccountID, for caller: Account) async throws(AccountError) -> Avatar {
        let found = try await AccountError.stored { () async throws(StoreError) -> Avatar? in
            guard let person = try await people.store.person(id),
                person.account.organisation == caller.organisation || caller.role == .platformAdmin
            else { return nil }
            return try await store.avatar(of: id)
        }
        guard let found else { throw .store(.notFound) }
        return found
    }

    /// nil takes it away.
    package func setOwn(
        _ avatar: Avatar?,
        of account: Account,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) -> Person {
        try await set(avatar, of: account, PeopleActor(account, remote: remote), now)
    }

    package func set(
        _ avatar: Avatar?,
        of id: AccountID,
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) -> Person {
        try await set(avatar, of: try await people.managed(id, by: actor), actor, now)
    }

    private func set(
        _ avatar: Avatar?,
        of account: Account,
        _ actor: PeopleActor,
        _ now: Timestamp
    ) async throws(AccountError) -> Person {
        try await AccountError.stored { () async throws(StoreError) in
            try await store.setAvatar(
                avatar,
                of: account.id,
                upTo: actor.role,
                audit: actor.event("account.avatar", account.primaryAddress.canonical, now)
            )
        }
    }
}
