package import Logging
package import MailModel
package import MailPorts

/// The life of domains: claimed by an organisation, proved by what it publishes, suspended, deleted, restored, removed.
///
/// Invariants: a claimed domain takes no mail and hides nobody's; a domain has one organisation at most; only its owner's
/// DNS or an operator makes it hosted, and a failure of DNS changes nothing.
package struct DomainLife: Sendable {
    package struct Limits: Sendable {
        /// How long a challenge may be answered.
        package var challengeSeconds: Int64 = 604_800
        /// How long a deleted domain can be restored.
        package var graceSeconds: Int64 = 2_592_000
        /// Domains of one organisation that wait for proof.
        package var pending = 100
        /// How long a key that signs no more stays published.
        package var keyGraceSeconds: Int64 = 604_800
        /// Age at which delegated keys are rotated; 0 for never.
        package var rotationSeconds: Int64 = 0
        package init() {}
    }

    /// Who asks, for the audit.
    package struct Actor: Sendable {
        package var name: String
        package var remote: IPAddress?
        package init(_ name: String, remote: IPAddress? = nil) { (self.name, self.remote) = (name, remote) }
    }

    /// Texts of other records that an answer shows, and octets of each.
    static let shownTexts = 5
    static let shownOctets = 100

    let store: any DomainStore & DelegatedKeyStore
    let directory: any DirectoryStore
    let service: DomainService
    let resolver: @Sendable () async throws -> any PublishedRecordReading
    let limits: Limits
    let logger: Logger
    /// Looks at what hosted domains publish.
    package let monitor: DomainMonitor

    /// - Parameters:
    ///   - resolver: makes one that remembers nothing, so that what was published just now is seen.
    ///   - resolverName: which server that is, for the readers of reports.
    ///   - notice: tells owners.
    package init(
        store: any DomainStore & DelegatedKeyStore,
        directory: any DirectoryStore,
        keys: DomainService,
        resolver: @escaping @Sendable () async throws -> any PublishedRecordReading,
        resolverName: String,
        notice: OwnerNotice,
        limits: Limits = Limits(),
        schedule: DomainMonitor.Schedule = DomainMonitor.Schedule(),
        logger: Logger = Logger(label: "domains")
    ) {
        self.store = store
        self.directory = directory
        service = keys
        self.resolver = resolver
        self.limits = limits
        self.logger = logger
        monitor = DomainMonitor(
            checker: DomainChecker(records: keys, resolver: resolver, resolverName: resolverName),
            store: store,
            directory: directory,
            notice: notice,
            schedule: schedule,
            logger: logger
        )
    }

    package var host: MailHost { service.host }

    package func challenge(of claim: DomainClaim) -> DomainChallenge { DomainChallenge(claim, host: service.host.name) }

    /// Notes that the organisation says that the domain is its own, and makes the challenge that proves it.
    package func claim(
        _ name: String,
        organisation: OrganisationID,
        actor: Actor,
        now: Timestamp
    ) async throws(StoreError) -> DomainClaim {
        try await store.addClaim(
            try DomainService.checked(name),
            organisation: organisation,
            token: DomainChallenge.makeToken(),
            expiresAt: now.adding(seconds: limits.challengeSeconds),
            limit: limits.pending,
            audit: event("domain.claim", name, organisation, actor, now)
        )
    }

    /// Another challenge; the old one proves nothing from now on.
    package func renew(_ claim: DomainClaim, actor: Actor, now: Timestamp) async throws(StoreError) -> DomainClaim {
        try await store.renewClaim(
            claim,
            token: DomainChallenge.makeToken(),
            expiresAt: now.adding(seconds: limits.challengeSeconds),
            audit: event("domain.challenge", claim.name, claim.organisation, actor, now)
        )
    }

    /// The claim of that organisation; of the only one that claims the domain when none is named.
    package func claim(
        on name: String,
        organisation: OrganisationID?
    ) async throws(DomainFault) -> DomainClaim {
        let claims = try await stored { () async throws(StoreError) in
            try await store.claims(named: EmailAddress.lowercased(name))
        }
        let own = claims.filter { organisation == nil || $0.organisation == organisation }
        guard let first = own.first else { throw .notFound }
        guard own.count == 1 else { throw .ambiguous }
        return first
    }

    // MARK: - Proof

    /// Looks for the challenge in DNS and, when it is there, makes the domain a hosted one with its signing keys.
    package func verify(_ claim: DomainClaim, actor: Actor, now: Timestamp) async throws(DomainFault) -> HostedDomain {
        guard claim.expiresAt > now else { throw .challengeExpired }
        let proof = try await proof(of: claim)
        let audit = event("domain.verify", claim.name, claim.organisation, actor, now)
        do throws(StoreError) {
            guard try await directory.domain(named: claim.name) == nil else { throw .alreadyExists }
            let made = try await service.makeKeys(for: claim.name, now: now)
            let domain = try await store.proveClaim(claim, by: proof, keys: made, audit: audit)
            logger.notice("domain verified", metadata: ["domain": "\(claim.name)", "proof": "\(proof.rawValue)"])
            return domain
        } catch .alreadyExists {
            // Nothing ends silently for the one that has it.
            await directory.noteAudit(event("domain.conflict", claim.name, claim.organisation, actor, now))
            throw .conflict
        } catch .notFound {
            throw .notFound
        } catch {
            throw .store(error)
        }
    }

    private func proof(of claim: DomainClaim) async throws(DomainFault) -> DomainProof {
        let challenge = challenge(of: claim)
        guard let resolver = try? await resolver() else { throw .dnsUnavailable }
        var seen: [String] = []
        var isCertain = true
        let places: [(name: String, kind: DNSRecordKind, value: String, proof: DomainProof)] = [
            (challenge.name, .txt, challenge.text, .txt), (claim.name, .txt, challenge.text, .txt),
            (challenge.name, .cname, "\(EmailAddress.lowercased(challenge.alias)).", .cname),
        ]
        for place in places {
            do throws(DNSError) {
                let found = try await resolver.published(place.name, place.kind).values
                if found.contains(where: { $0.utf8.elementsEqual(place.value.utf8) }) { return place.proof }
                if place.name == challenge.name { seen += found }
            } catch {
                isCertain = isCertain && Self.isAnswer(error)
            }
        }
        guard isCertain else { throw .dnsUnavailable }
        throw .challengeMissing(challenge, seen: seen.prefix(Self.shownTexts).map { Self.shown($0) })
    }

    /// Whether the failure says that there is no such record, rather than nothing.
    private static func isAnswer(_ error: DNSError) -> Bool {
        switch error {
        case .noSuchName, .invalidName: true
        case .temporary: false
        }
    }

    /// Printable ASCII, cut: it goes to people and logs.
    static func shown(_ text: String, _ limit: Int = shownOctets) -> String {
        String(decoding: text.utf8.prefix(limit).map { $0 < 32 || $0 > 126 ? 63 : $0 }, as: UTF8.self)
    }

    // MARK: - States

    /// Takes the step; a claim that is deleted is gone at once.
    package func take(
        _ step: DomainStep,
        on name: String,
        actor: Actor,
        now: Timestamp
    ) async throws(StoreError) -> HostedDomain {
        let action =
            switch step {
            case .suspend: "domain.suspend"
            case .resume: "domain.resume"
            case .delete: "domain.delete"
            case .restore: "domain.restore"
            }
        let audit = event(action, name, nil, actor, now)
        let changed = try await store.take(step, on: name, audit: audit)
        logger.notice(
            "domain changed",
            metadata: ["domain": "\(changed.name)", "action": "\(action)", "actor": "\(actor.name)"]
        )
        return changed
    }

    /// Deletes softly: until the grace is over it can be restored.
    package func delete(_ name: String, actor: Actor, now: Timestamp) async throws(StoreError) -> HostedDomain {
        try await take(.delete(purgeAt: now.adding(seconds: limits.graceSeconds)), on: name, actor: actor, now: now)
    }

    package func withdraw(_ claim: DomainClaim, actor: Actor, now: Timestamp) async throws(StoreError) {
        try await store.removeClaim(
            claim,
            audit: event("domain.withdraw", claim.name, claim.organisation, actor, now)
        )
    }

    func event(
        _ action: String,
        _ name: String,
        _ organisation: OrganisationID?,
        _ actor: Actor,
        _ now: Timestamp,
        _ more: String = ""
    ) -> AuditEvent {
        AuditEvent(
            at: now,
            actor: actor.name,
            action: action,
            subject: EmailAddress.lowercased(name),
            remote: actor.remote,
            detail: organisation.map { "{\"organisation\":\($0.rawValue)}" } ?? "{\(more)}"
        )
    }

    func stored<Value>(
        _ work: () async throws(StoreError) -> Value
    ) async throws(DomainFault) -> Value {
        do throws(StoreError) {
            return try await work()
        } catch {
            throw .store(error)
        }
    }
}
