import MailModel
import MailPorts
import Testing

/// A change with its line, for the property that both are there or neither.
struct AuditedChange: Sendable {
    /// A store with an account of the change's own, and a line for it to write.
    struct Scene: Sendable {
        var test: StoreUnderTest
        /// Tells its tokens from those of other scenes in the store.
        var number: UInt8
        var ann: Account
        var line: AuditEvent
        var store: any EveryStorePort { test.store }
        var now: Timestamp { test.clock.now() }
    }

    typealias Step = @Sendable (Scene) async throws -> Void
    var name: String
    /// How many lines it leaves.
    var lines = 1
    /// What must be there before.
    var prepare: Step = { _ in }
    var change: Step
    /// What the change changes.
    var look: @Sendable (Scene) async throws -> String

    init(
        _ name: String,
        lines: Int = 1,
        prepare: @escaping Step = { _ in },
        change: @escaping Step,
        look: @escaping @Sendable (Scene) async throws -> String
    ) {
        self.name = name
        self.lines = lines
        self.prepare = prepare
        self.change = change
        self.look = look
    }

    static let all: [AuditedChange] = [credentials, factors, sessions, queue, upkeep, zones].flatMap { $0 }

    // MARK: - Credentials

    private static let credentials: [AuditedChange] = [
        AuditedChange(
            "an app password is added",
            change: { try await $0.addPhone(audit: $0.line) },
            look: { try await $0.phones }
        ),
        AuditedChange(
            "an app password is revoked",
            prepare: { try await $0.addPhone(audit: .test) },
            change: { scene in
                let id = try #require(try await scene.store.appPasswords(of: scene.ann.id).first?.id)
                try await scene.store.removeAppPassword(id, of: scene.ann.id, audit: scene.line)
            },
            look: { try await $0.phones + $0.endings }
        ),
    ]

    private static let factors: [AuditedChange] = [
        AuditedChange(
            "a second factor is enabled",
            prepare: { try await $0.store.beginSecondFactor(of: $0.ann.id, sealedSecret: [1]) },
            change: { try await $0.confirm(audit: $0.line) },
            look: { try await $0.factor + $0.endings }
        ),
        AuditedChange(
            "a code is spent",
            prepare: { try await $0.enrol() },
            change: { _ = try await $0.store.spendStep(5, of: $0.ann.id, audit: $0.line) },
            look: { try await $0.factor }
        ),
        AuditedChange(
            "a recovery code is spent",
            lines: 2,
            prepare: { try await $0.enrol() },
            change: { _ = try await $0.store.spendRecoveryCode([7], of: $0.ann.id, audit: [$0.line, $0.line]) },
            look: { try await $0.factor }
        ),
        AuditedChange(
            "recovery codes are replaced",
            prepare: { try await $0.enrol() },
            change: { try await $0.store.replaceRecoveryCodes(of: $0.ann.id, with: [[9]], audit: $0.line) },
            look: { try await $0.factor }
        ),
        AuditedChange(
            "a second factor is disabled",
            prepare: { try await $0.enrol() },
            change: { try await $0.store.removeSecondFactor(of: $0.ann.id, evenIfDemanded: true, audit: $0.line) },
            look: { try await $0.factor }
        ),
    ]

    // MARK: - Sessions

    private static let sessions: [AuditedChange] = [
        AuditedChange(
            "a session is revoked",
            prepare: { try await $0.signIn() },
            change: { try await $0.store.revokeSession($0.family, of: $0.ann.id, audit: $0.line) },
            look: { try await $0.open + $0.endings }
        ),
        AuditedChange(
            "other sessions are revoked",
            prepare: { try await $0.signIn() },
            change: { _ = try await $0.store.revokeSessions(of: $0.ann.id, except: nil, audit: $0.line) },
            look: { try await $0.open + $0.endings }
        ),
        AuditedChange(
            "somebody signs out",
            prepare: { try await $0.signIn() },
            change: { try await $0.store.revokeFamily(ofToken: [$0.number, 1], audit: $0.line) },
            look: { try await $0.open + $0.endings }
        ),
        AuditedChange(
            "a spent token ends its session",
            prepare: { scene in
                try await scene.signIn()
                _ = try await scene.store.rotate([scene.number, 1], to: scene.token(2), now: scene.now)
            },
            change: { _ = try await $0.store.rotate([$0.number, 1], to: $0.token(3), now: $0.now, alarm: $0.line) },
            look: { try await $0.open + $0.endings }
        ),
        AuditedChange(
            "a request is answered to who acts as another",
            prepare: { try await $0.act() },
            change: { try await $0.store.noteActing(in: "acting", audit: $0.line) },
            look: { scene in
                let shown = try await scene.store.sessions(of: scene.ann.id, now: scene.now)
                return "\(shown.map { $0.actor?.requests })"
            }
        ),
    ]

    // MARK: - The queue, and what is removed in time

    private static let queue: [AuditedChange] = [
        AuditedChange(
            "mail is held",
            prepare: { try await $0.queue() },
            change: { _ = try await $0.store.hold(.everything, audit: $0.line) },
            look: { try await $0.waiting }
        ),
        AuditedChange(
            "mail is released",
            prepare: { scene in
                try await scene.queue()
                _ = try await scene.store.hold(.everything)
            },
            change: { _ = try await $0.store.release(.everything, now: $0.now, audit: $0.line) },
            look: { try await $0.waiting }
        ),
        AuditedChange(
            "mail is tried anew",
            prepare: { try await $0.queue() },
            change: { _ = try await $0.store.retryNow(.everything, now: $0.now.adding(seconds: 9), audit: $0.line) },
            look: { try await $0.waiting }
        ),
        AuditedChange(
            "mail goes by its age",
            prepare: { scene in
                let trash = try await scene.test.mailbox("Trash", of: scene.ann).id
                try await scene.test.append([10, 20], to: trash, of: scene.ann)
            },
            change: { scene in
                _ = try await scene.store.expire(
                    .trash,
                    ofDomain: "shop.test",
                    before: scene.now.adding(seconds: 9),
                    from: AccountID(0),
                    limit: 9,
                    audit: scene.line
                )
            },
            look: { "\(try await $0.test.mailbox("Trash", of: $0.ann).messages)" }
        ),
    ]

    private static let upkeep: [AuditedChange] = [
        AuditedChange(
            "an organisation is added",
            change: { _ = try await $0.store.addOrganisation(name: "New", audit: $0.line) },
            look: { "\(try await $0.store.organisations().map(\.name))" }
        ),
        AuditedChange(
            "a domain is added",
            change: { scene in
                let organisation = scene.ann.organisation
                _ = try await scene.store.addDomain("x.test", organisation: organisation, keys: [], audit: scene.line)
            },
            look: { "\(String(describing: try await $0.store.domain(named: "x.test")))" }
        ),
        AuditedChange(
            "a signing key is removed",
            prepare: { try await $0.retireKey() },
            change: { _ = try await $0.store.removeRetiredKeys(now: $0.now, audit: $0.line) },
            look: { "\(try await $0.store.dkimKeys(of: "shop.test").map(\.selector))" }
        ),
        AuditedChange(
            "a claim expires",
            prepare: { scene in
                _ = try await scene.store.addClaim(
                    "claimed.test",
                    organisation: scene.ann.organisation,
                    token: "t",
                    expiresAt: scene.now,
                    limit: 9,
                    audit: .test
                )
            },
            change: { _ = try await $0.store.removeClaims(expiredBefore: $0.now.adding(seconds: 9), audit: $0.line) },
            look: { "\(try await $0.store.claims(named: "claimed.test").count)" }
        ),
        AuditedChange(
            "a key of tokens is forgotten",
            prepare: { scene in
                let key = TokenKey(
                    id: "k",
                    algorithm: .edDSA,
                    sealedKey: [1],
                    createdAt: scene.now,
                    signsFrom: scene.now
                )
                _ = try await scene.store.addTokenKey(key, unlessMadeAfter: nil, replacing: false, audit: nil)
            },
            change: { try await $0.store.removeTokenKeys(["k"], audit: $0.line) },
            look: { "\(try await $0.store.tokenKeys().map(\.id))" }
        ),
    ]
}

extension AuditedChange.Scene {
    func addPhone(audit: AuditEvent) async throws {
        let new = NewAppPassword(
            account: ann.id,
            name: "Phone",
            scopes: [.imap],
            secretHash: [1],
            scram: SCRAMKeys(stored: [1], server: [2])
        )
        _ = try await store.addAppPassword(new, atMost: 9, audit: audit)
    }

    var phones: String { get async throws { "\(try await store.appPasswords(of: ann.id).map(\.name))" } }

    /// Mail sessions that were told to end.
    var endings: String { get async throws { "\(try await store.signInEndings(after: 0, limit: 99).count)" } }

    func confirm(audit: AuditEvent) async throws {
        let hashes: [[UInt8]] = [[7], [8]]
        try await store.confirmSecondFactor(
            of: ann.id,
            sealedSecret: [1],
            step: 1,
            recoveryHashes: hashes,
            audit: audit
        )
    }

    func enrol() async throws {
        try await store.beginSecondFactor(of: ann.id, sealedSecret: [1])
        try await confirm(audit: .test)
    }

    var factor: String {
        get async throws {
            let factor = try await store.secondFactor(of: ann.id)
            return "\(String(describing: factor)) \(try await store.recoveryCodesLeft(of: ann.id))"
        }
    }

    var family: String { "family \(number)" }

    func token(_ place: UInt8) -> RefreshToken {
        RefreshToken(
            account: ann.id,
            family: family,
            hash: [number, place],
            issuedAt: now,
            expiresAt: now.adding(seconds: 900)
        )
    }

    func signIn() async throws { try await store.add(token(1)) }

    var open: String { get async throws { "\(try await store.sessions(of: ann.id, now: now).map(\.family))" } }

    func act() async throws {
        let boss = try await test.account("boss@shop.test")
        var own = token(1)
        (own.account, own.family) = (boss.id, "own")
        try await store.add(own)
        let actor = SessionActor(
            account: boss.id,
            address: "boss@shop.test",
            reason: "Help",
            family: "own",
            until: now.adding(seconds: 900)
        )
        try await store.add(
            ActingSession(account: ann.id, family: "acting", actor: actor, createdAt: now, origin: SessionOrigin()),
            audit: .test
        )
    }

    func queue() async throws {
        let plan = DeliveryPlan.example(
            Octets.text(50),
            at: now,
            remote: ["x@away.test"],
            sender: .address(ann.primaryAddress),
            submitter: ann.id
        )
        _ = try await store.deliver(plan)
    }

    var waiting: String {
        get async throws {
            let entries = try await store.entries(after: nil, limit: 9)
            return "\(entries.map { "\($0.state) \($0.nextAttemptAt)" })"
        }
    }

    func retireKey() async throws {
        func key(_ selector: String) -> DKIMKey {
            DKIMKey(
                domain: "shop.test",
                selector: selector,
                algorithm: .ed25519SHA256,
                sealedPrivateKey: [1],
                publicKey: [2],
                createdAt: now,
                state: .signing
            )
        }
        try await store.addKeys([key("one"), key("two")], of: "shop.test", audit: .test)
        try await store.retireKey("one", of: "shop.test", removeAt: now, audit: .test)
    }
}
