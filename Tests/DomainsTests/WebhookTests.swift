import ByteParsing
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import Synchronization
import Telemetry
import Testing

@testable import Domains

/// One webhook and its events in memory, as the store port says.
final class FakeWebhooks: WebhookStore {
    private struct State {
        var webhook: Webhook?
        var deliveries: [WebhookDelivery] = []
        var outcomes: [WebhookOutcome] = []
    }
    private let state = Mutex(State())
    var outcomes: [WebhookOutcome] { state.withLock { $0.outcomes } }
    func put(_ webhook: Webhook, _ deliveries: [WebhookDelivery]) {
        state.withLock { ($0.webhook, $0.deliveries) = (webhook, deliveries) }
    }

    func webhook(of organisation: OrganisationID) async throws(StoreError) -> Webhook? { state.withLock { $0.webhook } }
    func setWebhook(
        _ address: String,
        of organisation: OrganisationID,
        sealedSecret: [UInt8],
        replacing expected: Int64?,
        audit: AuditEvent
    ) async throws(StoreError) -> (webhook: Webhook, isNew: Bool) {
        state.withLock { state in
            let before = state.webhook
            let made = Webhook(
                organisation: organisation,
                address: address,
                sealedSecret: before?.sealedSecret ?? sealedSecret,
                sealedPrevious: nil,
                previousUntil: nil,
                version: 1,
                createdAt: audit.at,
                changedAt: audit.at
            )
            state.webhook = made
            return (made, before == nil)
        }
    }
    func rotateWebhookSecret(
        of organisation: OrganisationID,
        to sealedSecret: [UInt8],
        keepingUntil: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> Webhook {
        let changed = state.withLock { state -> Webhook? in
            guard var changed = state.webhook else { return nil }
            (changed.sealedPrevious, changed.previousUntil) = (changed.sealedSecret, keepingUntil)
            changed.sealedSecret = sealedSecret
            state.webhook = changed
            return changed
        }
        guard let changed else { throw .notFound }
        return changed
    }
    func removeWebhook(of organisation: OrganisationID, audit: AuditEvent) async throws(StoreError) {
        state.withLock { $0.webhook = nil }
    }
    func webhookDeliveries(_ listing: DeliveryListing) async throws(StoreError) -> [WebhookDelivery] {
        state.withLock { $0.deliveries }
    }
    func leaseWebhookDeliveries(
        now: Timestamp,
        until: Timestamp,
        token: String,
        limit: Int
    ) async throws(StoreError) -> [WebhookLease] {
        state.withLock { state in
            guard let webhook = state.webhook else { return [] }
            defer { state.deliveries = [] }
            return state.deliveries.map { WebhookLease(delivery: $0, webhook: webhook, token: token) }
        }
    }
    func finishWebhookDelivery(
        _ lease: WebhookLease,
        _ outcome: WebhookOutcome,
        now: Timestamp,
        keeping history: Int
    ) async throws(StoreError) { state.withLock { $0.outcomes.append(outcome) } }
    func waitingWebhookDeliveries() async throws(StoreError) -> Int { 0 }
}

/// Notes what is sent, and answers what it was told to.
final class FakeReceiver: WebhookSending {
    struct Sent: Sendable {
        var body: [UInt8]
        var headers: [String: String]
    }
    private let state = Mutex<(sent: [Sent], answer: Result<Int, ProviderFetchFault>)>(([], .success(200)))
    var sent: [Sent] { state.withLock { $0.sent } }
    func answer(_ answer: Result<Int, ProviderFetchFault>) { state.withLock { $0.answer = answer } }
    func mayAsk(_ address: WebAddress) -> Bool { address.isSecure }
    func send(
        _ body: [UInt8],
        to address: WebAddress,
        headers: [(name: String, value: String)]
    ) async throws(ProviderFetchFault) -> Int {
        try state.withLock { state in
            state.sent.append(
                Sent(body: body, headers: Dictionary(uniqueKeysWithValues: headers.map { ($0.name, $0.value) }))
            )
            return state.answer
        }.get()
    }
}

/// Seals by turning octets over.
struct TurningSeal: SecretSealing {
    func seal(_ plain: [UInt8]) -> [UInt8] { [0] + plain.map { ~$0 } }
    func open(_ sealed: [UInt8]) -> [UInt8]? { sealed.first == 0 ? sealed.dropFirst().map { ~$0 } : nil }
}

@Suite struct WebhookTests {
    let store = FakeWebhooks()
    let receiver = FakeReceiver()
    let clock = ManualClock()
    private let organisation = OrganisationID(7)

    private var dispatcher: WebhookDispatcher {
        WebhookDispatcher(store: store, sender: receiver, secrets: TurningSeal(), limits: WebhookLimits())
    }
    private var settings: WebhookSettings { WebhookSettings(dispatcher: dispatcher, limiter: FakeLimiter()) }

    private func delivery(attempts: Int = 1, age: Int64 = 0) -> WebhookDelivery {
        let created = clock.now().adding(seconds: -age)
        return WebhookDelivery(
            id: WebhookDeliveryID(1),
            organisation: organisation,
            event: "evt_1",
            kind: "domain.dns_changed",
            body: "{\"a\":1}",
            createdAt: created,
            state: .waiting,
            attempts: attempts,
            nextAt: clock.now(),
            giveUpAt: created.adding(seconds: 86_400),
            status: nil,
            fault: nil,
            finishedAt: nil
        )
    }

    private func webhook(_ address: String = "https://hook.test/", secret: [UInt8] = [0, ~107]) -> Webhook {
        Webhook(
            organisation: organisation,
            address: address,
            sealedSecret: secret,
            sealedPrevious: [0, ~108],
            previousUntil: clock.now().adding(seconds: 10),
            version: 1,
            createdAt: clock.now(),
            changedAt: clock.now()
        )
    }

    private func outcome(of delivery: WebhookDelivery) async throws -> WebhookOutcome? {
        store.put(webhook(), [delivery])
        #expect(try await dispatcher.pass(clock: clock) == 1)
        return store.outcomes.last
    }

    @Test func `the signature is over the time and the body, by each secret that is in force`() async throws {
        let body = Array("{\"a\":1}".utf8)
        let at = Timestamp(seconds: 1_700_000_000)
        let value = WebhookSignature.value(of: body, at: at, secrets: [Array("whsec_test".utf8)])
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac whsec_test
        #expect(value == "t=1700000000,v1=38877139021993b830af32feea6e18a8da83eb2f6e49ee50bd9e4cf4ca4d3789")
        _ = try await outcome(of: delivery())
        let sent = try #require(receiver.sent.last)
        #expect(sent.body == body && sent.headers["Webhook-Id"] == "evt_1")
        #expect(sent.headers["Content-Type"] == "application/json")
        let both = WebhookSignature.value(of: body, at: clock.now(), secrets: [[107], [108]])
        #expect(sent.headers["Webhook-Signature"] == both)
        clock.advance(seconds: 10)
        store.put(webhook(), [])
        var old = webhook()
        old.previousUntil = clock.now()
        _ = await dispatcher.attempt(delivery(), to: old, now: clock.now())
        #expect(
            receiver.sent.last?.headers["Webhook-Signature"]
                == WebhookSignature.value(of: body, at: clock.now(), secrets: [[107]])
        )
    }

    @Test func `a secret that cannot be opened sends nothing`() async throws {
        let (status, fault) = await dispatcher.attempt(delivery(), to: webhook(secret: [9]), now: clock.now())
        #expect(status == nil && fault == "secret_unreadable" && receiver.sent.isEmpty)
    }

    @Test func `what is taken is over, what is not is tried less and less often for a day`() async throws {
        #expect(try await outcome(of: delivery()) == .delivered(status: 200))
        receiver.answer(.success(500))
        for (attempts, wait) in [(1, 10), (2, 30), (3, 90), (6, 2_430), (7, 3_600), (60, 3_600)] as [(Int, Int64)] {
            guard case .retry(let at, 500, "status") = try await outcome(of: delivery(attempts: attempts)) else {
                Issue.record("no retry")
                return
            }
            let waited = at.microseconds - clock.now().microseconds
            #expect((wait * 1_000_000...wait * 1_100_000).contains(waited), "\(attempts): \(waited)")
        }
        #expect(try await outcome(of: delivery(attempts: 9, age: 86_390)) == .failed(status: 500, fault: "status"))
        for (fault, word) in [
            (ProviderFetchFault.addressRefused, "address_refused"), (.redirected, "redirected"),
            (.tooSlow, "too_slow"), (.unreachable, "unreachable"), (.nameUnknown, "name_unknown"),
        ] {
            receiver.answer(.failure(fault))
            guard case .retry(_, nil, word) = try await outcome(of: delivery()) else {
                Issue.record("no retry of \(word)")
                return
            }
        }
    }

    @Test func `a secret is shown when it is made, and addresses are https`() async throws {
        let audit = AuditEvent(at: clock.now(), actor: "a", action: "webhook.set", subject: "")
        for text in ["http://hook.test/", "ftp://x", "https://", "https://a@b.test/"] {
            await #expect(throws: WebhookFault.self) {
                _ = try await settings.set(text, of: organisation, replacing: nil, audit: audit)
            }
        }
        let made = try await settings.set("https://hook.test/", of: organisation, replacing: nil, audit: audit)
        let secret = try #require(made.secret)
        #expect(secret.text.utf8.count == 49 && "\(secret)" == "[redacted]")
        #expect(TurningSeal().open(made.webhook.sealedSecret) == Array(secret.text.utf8))
        #expect(try await settings.set("https://b.test/", of: organisation, replacing: nil, audit: audit).secret == nil)
        let rotated = try await settings.rotate(of: organisation, audit: audit)
        #expect(
            rotated.secret.text != secret.text && rotated.webhook.previousUntil == clock.now().adding(seconds: 86_400)
        )
        #expect(
            try await settings.test(of: organisation, now: clock.now()) == WebhookTestResult(isGood: true, status: 200)
        )
        receiver.answer(.success(410))
        let failed = try await settings.test(of: organisation, now: clock.now())
        #expect(failed == WebhookTestResult(isGood: false, status: 410, fault: "status"))
        let body = String(decoding: receiver.sent.last?.body ?? [], as: UTF8.self)
        #expect(body.contains("\"type\":\"webhook.test\""))
    }
}
