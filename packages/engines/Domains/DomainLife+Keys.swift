import Logging
package import MailModel
package import MailPorts

/// Rotation of signing keys: a new key is made and published, seen in DNS, signs, and the one before retires; its record
/// stays published until its grace is over, for mail that is under way.
extension DomainLife {
    /// Domains whose waiting keys one pass of the upkeep looks for.
    static let waitingAtOnce = 100

    /// By selector, in every state; `.notFound` when the domain is not hosted.
    package func keys(of domain: String) async throws(StoreError) -> [DKIMKey] {
        let name = EmailAddress.lowercased(domain)
        guard try await directory.domain(named: name) != nil else { throw .notFound }
        return try await directory.dkimKeys(of: name)
    }

    /// Makes new keys that wait to be published, one of each algorithm that is not named.
    ///
    /// `.refused` when one of that algorithm waits already.
    package func rotate(
        _ domain: String,
        algorithm: DKIMKey.Algorithm?,
        actor: Actor,
        now: Timestamp
    ) async throws(StoreError) -> [DKIMKey] {
        let name = EmailAddress.lowercased(domain)
        let known = try await keys(of: name)
        let wanted = algorithm.map { [$0] } ?? DKIMKey.Algorithm.allCases
        guard !known.contains(where: { $0.state == .published && wanted.contains($0.algorithm) }) else {
            throw .refused("a new key waits to be published already")
        }
        let taken = Set(known.map(\.selector))
        var made: [DKIMKey] = []
        for algorithm in wanted {
            // Where the owner points to us, the key takes the place of the one before the present one.
            let fixed = isDelegated(algorithm, known) ? try Self.free(algorithm, known) : nil
            made += try await service.makeKeys(
                for: name,
                [algorithm],
                state: .published,
                now: now,
                besides: taken,
                selector: fixed
            )
        }
        try await store.addKeys(made, of: name, audit: event("dkim.rotate", name, nil, actor, now))
        return made
    }

    /// Lets waiting keys sign that are seen in DNS; those of their algorithms that signed before retire.
    ///
    /// - Parameters:
    ///   - selector: nil for every key that waits.
    ///   - isForced: does not look into DNS.
    /// - Returns: the selectors that sign from now on.
    package func activate(
        _ domain: String,
        selector: String? = nil,
        isForced: Bool = false,
        actor: Actor,
        now: Timestamp
    ) async throws(DomainFault) -> [String] {
        let name = EmailAddress.lowercased(domain)
        let known = try await stored { () async throws(StoreError) in try await keys(of: name) }
        let waiting = known.filter { $0.state == .published && (selector == nil || $0.selector == selector) }
        guard !waiting.isEmpty else {
            if let selector, !known.contains(where: { $0.selector == selector }) { throw .store(.notFound) }
            throw .store(.refused("no key waits to be published"))
        }
        if !isForced { for key in waiting { try await requireSeen(key) } }
        let removeAt = now.adding(seconds: limits.keyGraceSeconds)
        for key in waiting {
            try await stored { () async throws(StoreError) in
                let audit = event("dkim.activate", name, nil, actor, now, "\"selector\":\"\(key.selector)\"")
                try await store.activateKey(key.selector, of: name, retiringUntil: removeAt, audit: audit)
            }
            logger.notice("signing key in force", metadata: ["domain": "\(name)", "selector": "\(key.selector)"])
        }
        return waiting.map(\.selector)
    }

    private func requireSeen(_ key: DKIMKey) async throws(DomainFault) {
        let record = DomainRecords.record(of: key)
        guard let resolver = try? await resolver() else { throw .dnsUnavailable }
        var values: [String] = []
        do throws(DNSError) {
            values = try await resolver.published(record.name, .txt).values
        } catch {
            switch error {
            case .noSuchName, .invalidName: break
            case .temporary: throw .dnsUnavailable
            }
        }
        let verdict = RecordRules.compare(record, values)
        guard verdict.status == .ok else { throw .keyNotSeen(verdict.advice) }
    }

    /// Ends the use of a key, unless it is the only one that signs.
    package func retire(
        _ domain: String,
        selector: String,
        actor: Actor,
        now: Timestamp
    ) async throws(StoreError) {
        let name = EmailAddress.lowercased(domain)
        try await store.retireKey(
            selector,
            of: name,
            removeAt: now.adding(seconds: limits.keyGraceSeconds),
            audit: event("dkim.retire", name, nil, actor, now, "\"selector\":\"\(DomainLife.plain(selector))\"")
        )
    }

    /// Letters, digits, hyphens and dots: what goes into the JSON of an audit line.
    static func plain(_ selector: String) -> String {
        String(
            decoding: selector.utf8.prefix(63).map { byte in
                byte == 45 || byte == 46 || (48...57).contains(byte) || (97...122).contains(byte) ? byte : 63
            },
            as: UTF8.self
        )
    }

    /// Lets keys sign that have been seen, and removes those whose grace is over.
    func keepKeys(now: Timestamp) async throws(StoreError) -> Int {
        for name in try await store.domainsWithWaitingKeys(limit: Self.waitingAtOnce) where !Task.isCancelled {
            // Not published yet, or no answer: the next pass looks again.
            _ = try? await activate(name, actor: Actor("system"), now: now)
        }
        let gone = try await store.removeRetiredKeys(
            now: now,
            audit: event("dkim.remove", "", nil, Actor("system"), now)
        )
        try await rotateDelegated(now: now)
        return gone
    }
}
