package import MailModel
package import MailPorts

/// Keys whose records the operator publishes: the owner points two selectors of each algorithm there, once.
extension DomainLife {
    /// Domains of one page when all are gone through.
    static let delegatedAtOnce = 200

    private static let fixedNames = DKIMKey.Algorithm.allCases.flatMap { FixedSelector.all(of: $0) }.map(\.name)

    /// The operator's zone; nil when there is none.
    package var keyZone: String? { service.extras.keyZone }

    /// Makes keys whose records lie in the operator's zone; they sign once the owner's aliases lead there.
    ///
    /// `.refused` without such a zone, for a domain that delegates already, and when other keys wait.
    package func delegate(_ domain: String, actor: Actor, now: Timestamp) async throws(StoreError) -> [DKIMKey] {
        let name = EmailAddress.lowercased(domain)
        guard let zone = keyZone else { throw .refused("the platform has no zone for signing keys") }
        let known = try await keys(of: name)
        guard !known.contains(where: { FixedSelector($0) != nil && $0.state != .retired }) else {
            throw .refused("the domain's signing keys are delegated already")
        }
        guard !known.contains(where: { $0.state == .published }) else {
            throw .refused("a new key waits to be published already")
        }
        let longest = Self.fixedNames.map(\.utf8.count).max() ?? 0
        guard longest + name.utf8.count + zone.utf8.count + 2 <= 253 else {
            throw .refused("the names in the zone for signing keys would be too long")
        }
        var made: [DKIMKey] = []
        for algorithm in DKIMKey.Algorithm.allCases {
            let selector = try Self.free(algorithm, known)
            made += try await service.makeKeys(for: name, [algorithm], state: .published, now: now, selector: selector)
        }
        try await store.addKeys(made, of: name, audit: event("dkim.delegate", name, nil, actor, now))
        return made
    }

    /// The one of the two that no key has; `.refused` while the key before still has it.
    static func free(_ algorithm: DKIMKey.Algorithm, _ known: [DKIMKey]) throws(StoreError) -> String {
        let all = FixedSelector.all(of: algorithm)
        guard let free = all.first(where: { one in !known.contains { $0.selector == one.name } }) else {
            throw .refused("both selectors are in use: the retired key of \(algorithm.rawValue) must be gone first")
        }
        return free.name
    }

    /// Whether the key that signs by that algorithm, or will, lies in the operator's zone.
    func isDelegated(_ algorithm: DKIMKey.Algorithm, _ known: [DKIMKey]) -> Bool {
        keyZone != nil
            && known.contains { $0.algorithm == algorithm && $0.state != .retired && FixedSelector($0) != nil }
    }

    /// What the operator's zone holds: a text for each key of each domain that delegates, retired ones too until they go.
    package func delegatedZone() async throws(StoreError) -> String {
        guard let zone = keyZone else { throw .notFound }
        var records: [DomainRecord] = []
        try await eachPage { keys in
            records += keys.compactMap { key in
                FixedSelector(key).map { selector in
                    DomainRecord(
                        name: selector.target(of: key.domain, in: zone),
                        kind: .txt,
                        purpose: .dkim,
                        value: DomainRecords.record(of: key).value,
                        ttl: 300
                    )
                }
            }
        }
        return ZoneFile.text(records)
    }

    /// Rotates delegated keys that have signed for longer than they should.
    func rotateDelegated(now: Timestamp) async throws(StoreError) {
        guard limits.rotationSeconds > 0, keyZone != nil else { return }
        let moment = now.adding(seconds: -limits.rotationSeconds)
        var due: [(domain: String, algorithm: DKIMKey.Algorithm)] = []
        try await eachPage { keys in
            due += keys.filter { $0.state == .signing && $0.createdAt <= moment }.map { ($0.domain, $0.algorithm) }
        }
        for (domain, algorithm) in due where !Task.isCancelled {
            // Refused while the other selector is not free yet: the next pass looks again.
            _ = try? await rotate(domain, algorithm: algorithm, actor: Actor("system"), now: now)
        }
    }

    private func eachPage(_ body: ([DKIMKey]) -> Void) async throws(StoreError) {
        var last: String?
        while !Task.isCancelled {
            let keys = try await store.keys(named: Self.fixedNames, afterDomain: last, limit: Self.delegatedAtOnce)
            guard let end = keys.last else { return }
            body(keys)
            last = end.domain
        }
    }
}
