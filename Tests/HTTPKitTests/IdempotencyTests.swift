import HTTPKit
import MailCrypto
import MailModel
import MailTesting
import ServiceHost
import Synchronization
import Testing

/// Makes numbered things, some of which are refused; holds one back when told.
private final class Maker: Sendable {
    private let state = Mutex((made: 0, isOpen: true, waiting: [CheckedContinuation<Void, Never>]()))
    var made: Int { state.withLock { $0.made } }
    func shut() { state.withLock { $0.isOpen = false } }
    func open() {
        let waiting = state.withLock { state in
            defer { (state.isOpen, state.waiting) = (true, []) }
            return state.waiting
        }
        for one in waiting { one.resume() }
    }

    private func pass() async {
        await withCheckedContinuation { continuation in
            let passes = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if passes { continuation.resume() }
        }
    }

    var isHolding: Bool { state.withLock { !$0.waiting.isEmpty } }

    var routes: RouteSet {
        var set = RouteSet()
        let guarded = BearerGuard<Person> { token in Int64(token).map { Person(principalID: $0) } }
        set.post(
            "/things",
            guarded { request, _ in
                let bytes = try await request.body()
                await self.pass()
                guard !bytes.isEmpty else { throw Problem.invalid("name", "It has none.") }
                guard bytes != Array("large".utf8) else { return .text(String(repeating: "x", count: 100_000)) }
                let number = self.state.withLock { state in
                    state.made += 1
                    return state.made
                }
                return try .json(["number": number], status: 201, headers: ["Location": "/things/\(number)"])
            }
        )
        return set
    }
}

@Suite struct IdempotencyTests {
    private func post(
        _ client: LoopbackClient,
        _ key: String,
        _ body: String,
        token: String = "1"
    ) async throws -> Answer {
        try await client.send("POST", "/things", json: body, token: token, headers: ["Idempotency-Key": key])
    }

    @Test func aRequestThatIsSentAgainIsAnsweredAgainAndDoneOnce() async throws {
        let maker = Maker()
        try await withServer([maker.routes], with: .gate(.fake())) { client async throws in
            let first = try await post(client, "\"k1\"", "a")
            #expect(first.status == 201 && first.headers["idempotency-replayed"] == nil)
            // With or without quotes it is the same key.
            for key in ["\"k1\"", "k1"] {
                let again = try await post(client, key, "a")
                #expect(again.status == 201 && again.body == first.body && again.headers["location"] == "/things/1")
                #expect(again.headers["idempotency-replayed"] == "true")
            }
            let other = try await post(client, "k1", "b")
            #expect(other.status == 422 && other.json("type") == "/problems/idempotency-key-reused")
            #expect(try await post(client, "k2", "a").headers["location"] == "/things/2")
            // Another's key is another key.
            #expect(try await post(client, "k1", "b", token: "2").headers["location"] == "/things/3")
            #expect(try await client.send("POST", "/things", json: "a", token: "1").headers["location"] == "/things/4")
            #expect(maker.made == 4)
        }
    }

    @Test func whileItRunsAnotherIsToldSo() async throws {
        let maker = Maker()
        try await withServer([maker.routes], with: .gate(.fake())) { client async throws in
            maker.shut()
            async let first = post(client, "k", "a")
            while !maker.isHolding { await Task.yield() }
            let second = try await post(client, "k", "a")
            #expect(second.status == 409 && second.json("type") == "/problems/request-running")
            #expect(second.headers["retry-after"] == "1")
            maker.open()
            #expect(try await first.status == 201)
            #expect(try await post(client, "k", "a").headers["idempotency-replayed"] == "true")
            #expect(maker.made == 1)
        }
    }

    @Test func whatWasRefusedIsTriedAgainAndWhatIsTooLargeIsKnownAsDone() async throws {
        let maker = Maker()
        try await withServer([maker.routes], with: .gate(.fake())) { client async throws in
            for _ in 0..<2 {
                let refused = try await client.send(
                    "POST",
                    "/things",
                    json: "",
                    token: "1",
                    headers: ["Idempotency-Key": "k"]
                )
                #expect(refused.status == 422 && refused.json("type") == "/problems/invalid")
                #expect(refused.headers["idempotency-replayed"] == nil)
            }
            #expect(try await post(client, "large", "large").status == 200)
            let again = try await post(client, "large", "large")
            #expect(again.status == 409 && again.json("type") == "/problems/answer-gone")
            for key in ["", "a b", "\"", "\"a\"b\"", String(repeating: "x", count: 256), "e\u{301}"] {
                #expect(try await post(client, key, "a").status == 400, "\(key)")
            }
            #expect(maker.made == 0)
        }
    }

    @Test func answersLieSealedAndOpenOnlyWithTheSameKey() async throws {
        let store = FakeKeptAnswers()
        let key = MasterKey.random()
        let maker = Maker()
        try await withServer([maker.routes], with: .gate(.fake(store, key))) { client async throws in
            #expect(try await post(client, "k", "a").status == 201)
        }
        #expect(!store.octets.isEmpty)
        #expect(!String(decoding: store.octets, as: UTF8.self).contains("number"))
        try await withServer([maker.routes], with: .gate(.fake(store, key))) { client async throws in
            #expect(try await post(client, "k", "a").status == 201)
        }
        try await withServer([maker.routes], with: .gate(.fake(store))) { client async throws in
            #expect(try await post(client, "k", "a").json("type") == "/problems/answer-gone")
        }
        #expect(maker.made == 1)
    }
}
