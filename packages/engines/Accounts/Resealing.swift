package import MailCrypto
package import MailModel
package import MailPorts

/// Brings everything that the master key has sealed under the key that seals now.
///
/// Invariants: services go on meanwhile, for every key of the ring opens; a value is opened, sealed, opened again and compared
/// before it is written, and written only where nobody has changed it; a walk that was interrupted is begun again and finds
/// what is done done; the trail has that a walk begins before anything changes, and what came of it.
package struct Resealing: Sendable {
    /// Values of one transaction.
    static let page = 200

    /// What was found of one column.
    package struct Count: Hashable, Sendable {
        package var column: String
        /// Under the key that seals now.
        package var current = 0
        /// Under other keys of the ring.
        package var older = 0
        /// Under no key of the ring, or damaged: nobody can read them.
        package var lost = 0
        /// Sealed anew by this walk; they count as current too.
        package var resealed = 0
    }

    private let store: any SealedValueStore
    private let audit: @Sendable (AuditEvent) async throws(StoreError) -> Void
    private let key: MasterKey
    private let clock: any WallClock

    package init(
        store: any SealedValueStore,
        directory: any DirectoryStore,
        key: MasterKey,
        clock: any WallClock
    ) {
        self.store = store
        audit = { event throws(StoreError) in try await directory.recordAudit(event) }
        self.key = key
        self.clock = clock
    }

    /// The keys of the ring, the one that seals first.
    package var keys: [MasterKey.ID] { key.ids }

    /// Counts what is sealed with which key; changes nothing.
    package func status() async throws(StoreError) -> [Count] {
        var counts: [Count] = []
        for column in try await store.sealedColumns() { counts.append(try await walk(column, isChanging: false)) }
        return counts
    }

    /// Seals anew what another key has sealed.
    package func reseal(actor: String) async throws(StoreError) -> [Count] {
        try await record("master_key.reseal_begin", AuditDetail().adding("key", keys.first?.description), actor)
        var counts: [Count] = []
        for column in try await store.sealedColumns() { counts.append(try await walk(column, isChanging: true)) }
        let changed = counts.reduce(0) { $0 + $1.resealed }
        try await record(
            "master_key.reseal",
            AuditDetail().adding("key", keys.first?.description).adding("resealed", Int64(changed))
                .adding("lost", Int64(counts.reduce(0) { $0 + $1.lost })),
            actor
        )
        return counts
    }

    package func record(_ action: String, _ detail: AuditDetail, _ actor: String) async throws(StoreError) {
        try await audit(
            AuditEvent(at: clock.now(), actor: actor, action: action, subject: "master-key", detail: detail.text)
        )
    }

    private func walk(_ column: SealedColumn, isChanging: Bool) async throws(StoreError) -> Count {
        var count = Count(column: column.name)
        var last: [SealedValue.Part]?
        while true {
            let values = try await store.sealedValues(in: column, after: last, limit: Self.page)
            var changes: [(value: SealedValue, sealed: [UInt8])] = []
            for value in values {
                do throws(CryptoError) {
                    if let sealed = try SecretBox.reseal(value.sealed, with: key) {
                        count.older += 1
                        changes.append((value, sealed))
                    } else {
                        count.current += 1
                    }
                } catch {
                    count.lost += 1
                }
            }
            if isChanging, !changes.isEmpty {
                let done = try await store.reseal(changes, in: column)
                // What others have changed or removed meanwhile is looked at by the next walk.
                count.resealed += done
                count.current += done
                count.older -= done
            }
            guard values.count == Self.page, let end = values.last else { return count }
            last = end.place
        }
    }
}
