package import MailModel
package import MailPorts

extension FakeDirectory {
    package func dkimKeys(of domain: String) async throws(StoreError) -> [DKIMKey] {
        try change { $0.keys[domain] ?? [] }
    }

    package func addKeys(_ keys: [DKIMKey], of domain: String, audit: AuditEvent) async throws(StoreError) {
        try change { state throws(StoreError) in
            let taken = Set((state.keys[domain] ?? []).map(\.selector))
            guard !keys.contains(where: { taken.contains($0.selector) }) else { throw .alreadyExists }
            state.keys[domain, default: []] += keys
            state.audit.append(audit)
        }
    }

    private func update(
        _ selector: String,
        _ domain: String,
        _ audit: AuditEvent,
        _ body: (inout [DKIMKey], Int) throws(StoreError) -> Void
    ) throws(StoreError) {
        try change { state throws(StoreError) in
            var keys = state.keys[domain] ?? []
            guard let place = keys.firstIndex(where: { $0.selector == selector }) else { throw .notFound }
            try body(&keys, place)
            state.keys[domain] = keys
            state.audit.append(audit)
        }
    }

    package func activateKey(
        _ selector: String,
        of domain: String,
        retiringUntil removeAt: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) {
        try update(selector, domain, audit) { keys, place throws(StoreError) in
            guard keys[place].state == .published else { throw .refused("the key is \(keys[place].state.rawValue)") }
            for other in keys.indices
            where keys[other].state == .signing && keys[other].algorithm == keys[place].algorithm {
                (keys[other].state, keys[other].removeAt) = (.retired, removeAt)
            }
            keys[place].state = .signing
        }
    }

    package func retireKey(
        _ selector: String,
        of domain: String,
        removeAt: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) {
        try update(selector, domain, audit) { keys, place throws(StoreError) in
            guard keys.contains(where: { $0.state == .signing && $0.selector != selector }) else {
                throw .refused("no other key signs for the domain")
            }
            (keys[place].state, keys[place].removeAt) = (.retired, removeAt)
        }
    }

    package func domainsWithWaitingKeys(limit: Int) async throws(StoreError) -> [String] {
        try change { state in state.keys.filter { $0.value.contains { $0.state == .published } }.keys.sorted() }
    }

    package func removeRetiredKeys(now: Timestamp, audit: AuditEvent) async throws(StoreError) -> Int {
        try change { state in
            var removed = 0
            for (domain, keys) in state.keys {
                let kept = keys.filter { $0.removeAt.map { $0 > now } ?? true }
                removed += keys.count - kept.count
                var event = audit
                event.subject = domain
                state.audit += [AuditEvent](repeating: event, count: keys.count - kept.count)
                state.keys[domain] = kept
            }
            return removed
        }
    }
}

extension FakeDirectory: DelegatedKeyStore {
    package func keys(
        named selectors: [String],
        afterDomain domain: String?,
        limit: Int
    ) async throws(StoreError) -> [DKIMKey] {
        try change { state in
            let held = state.keys.mapValues { $0.filter { selectors.contains($0.selector) } }.filter {
                !$0.value.isEmpty
            }
            let names = held.keys.sorted().filter { $0 > (domain ?? "") }.prefix(limit)
            return names.flatMap { held[$0] ?? [] }
        }
    }
}
