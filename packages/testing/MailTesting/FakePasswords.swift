package import MailModel
package import MailPorts

/// The passwords of a `FakeDirectory`.
extension FakeDirectory {
    package func credential(
        for address: EmailAddress
    ) async throws(StoreError) -> (account: Account, passwordHash: String?)? {
        try change { state in
            state.credentialLookups += 1
            return state.accounts.first { $0.primaryAddress == address && $0.status == .active }
                .map { ($0, state.hashes[$0.id]) }
        }
    }

    package func setPassword(_ id: AccountID, hash: String, replacing old: String) async throws(StoreError) {
        try change { state throws(StoreError) in
            guard state.hashes[id] == old else { throw .notFound }
            state.hashes[id] = hash
        }
    }

    package func changePassword(
        _ id: AccountID,
        hash: String,
        keeping history: Int,
        exceptSession family: String?,
        audit: AuditEvent?
    ) async throws(StoreError) {
        try change { state throws(StoreError) in
            try state.setPassword(of: id, to: hash, keeping: history, exceptSession: family, audit)
        }
    }

    package func removePassword(
        _ id: AccountID,
        keeping history: Int,
        exceptSession family: String?,
        evenIfOnlyWayIn: Bool,
        audit: AuditEvent
    ) async throws(StoreError) {
        try change { state throws(StoreError) in
            guard state.hashes[id] != nil else { throw .notFound }
            guard evenIfOnlyWayIn || state.waysIn.contains(id) else { throw .refused("its only way in") }
            try state.setPassword(of: id, to: nil, keeping: history, exceptSession: family, audit)
        }
    }

    package func passwordHistory(of id: AccountID, limit: Int) async throws(StoreError) -> [String] {
        try change { state in
            Array(([state.hashes[id]].compactMap(\.self) + state.oldHashes[id, default: []]).prefix(limit))
        }
    }
}

extension FakeDirectory.State {
    fileprivate mutating func setPassword(
        of id: AccountID,
        to hash: String?,
        keeping history: Int,
        exceptSession family: String?,
        _ event: AuditEvent?
    ) throws(StoreError) {
        guard let place = accounts.firstIndex(where: { $0.id == id }) else { throw .notFound }
        try record(event)
        let old = [hashes[id]].compactMap(\.self)
        hashes[id] = hash
        accounts[place].hasPassword = hash != nil
        oldHashes[id] = Array((old + oldHashes[id, default: []]).prefix(history))
        revoke(of: id, except: family)
    }
}

/// Fixtures leave no line.
extension DirectoryStore {
    @discardableResult
    package func addAccount(_ account: NewAccount) async throws(StoreError) -> Account {
        try await addAccount(account, audit: nil)
    }

    package func setQuota(_ id: AccountID, bytes: Int64?) async throws(StoreError) {
        try await setQuota(id, bytes: bytes, audit: nil)
    }
}
