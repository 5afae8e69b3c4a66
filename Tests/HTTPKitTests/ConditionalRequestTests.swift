import HTTPKit
import MailCrypto
import MailModel
import MailTesting
import ServiceHost
import Synchronization
import Telemetry
import Testing

struct Person: RequestPrincipal, Equatable {
    var principalID: Int64
}

/// A value that is read, replaced and removed, with a count of how often it was.
final class Cell: Sendable {
    private let state = Mutex((value: "one", changes: 0))
    var value: String { state.withLock { $0.value } }
    var changes: Int { state.withLock { $0.changes } }
    func put(_ value: String) { state.withLock { $0 = (value, $0.changes + 1) } }

    var routes: RouteSet {
        var set = RouteSet()
        let guarded = BearerGuard<Person> { token in Int64(token).map { Person(principalID: $0) } }
        set.get("/cell/{id}", guarded { _, _ in .text(self.value) })
        set.put(
            "/cell/{id}",
            guarded { request, _ in
                let bytes = try await request.body()
                await Task.yield()
                self.put(String(decoding: bytes, as: UTF8.self))
                return .noContent
            }
        )
        set.get("/version", guarded { _, _ in APIResponse.text("x").tagged(version: 7) })
        set.patch("/version", guarded { request, _ in .text("\(try request.expectedVersion() ?? -1)") })
        set.delete("/unread", guarded { _, _ in .noContent })
        return set
    }
}

extension RequestGate {
    /// A gate over a store in memory.
    static func fake(_ store: FakeKeptAnswers = FakeKeptAnswers(), _ key: [UInt8] = MasterKey.random()) -> RequestGate {
        guard let master = MasterKey(key) else { preconditionFailure("no key") }
        return RequestGate(answers: StoredAnswers(store: store, masterKey: master, clock: ManualClock()))
    }
}

@Suite struct ConditionalRequestTests {
    private func put(_ client: LoopbackClient, _ text: String, _ headers: [String: String]) async throws -> Answer {
        try await client.send("PUT", "/cell/a", json: text, token: "1", headers: headers)
    }

    @Test func readingGivesAStrongTagAnd304WhenTheClientHasIt() async throws {
        let cell = Cell()
        try await withServer([cell.routes]) { client async throws in
            let first = try await client.send("GET", "/cell/a", token: "1")
            let tag = try #require(first.headers["etag"])
            #expect(first.status == 200 && tag.utf8.first == 34)
            #expect(try await client.send("HEAD", "/cell/a", token: "1").headers["etag"] == tag)
            for list in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
                let again = try await client.send("GET", "/cell/a", token: "1", headers: ["If-None-Match": list])
                #expect(again.status == 304 && again.body.isEmpty && again.headers["etag"] == tag, "\(list)")
                #expect(again.headers["x-content-type-options"] == "nosniff")
            }
            cell.put("two")
            let other = try await client.send("GET", "/cell/a", token: "1", headers: ["If-None-Match": tag])
            #expect(other.status == 200 && other.headers["etag"] != tag)
            // Who may not read it learns nothing of its tag.
            for list in [tag, "none"] {
                #expect(try await client.send("GET", "/cell/a", headers: ["If-None-Match": list]).status == 401)
            }
            #expect(try await client.send("GET", "/cell/a", token: "1", headers: ["If-None-Match": "x"]).status == 400)
            #expect(try await client.send("GET", "/cell/a", token: "1", headers: ["If-None-Match": ""]).status == 200)
        }
    }

    @Test func aChangeIsMadeOnlyOfWhatTheClientSaw() async throws {
        let cell = Cell()
        try await withServer([cell.routes], with: .gate(.fake())) { client async throws in
            let tag = try #require(try await client.send("GET", "/cell/a", token: "1").headers["etag"])
            #expect(try await put(client, "two", ["If-Match": tag]).status == 204)
            let stale = try await put(client, "three", ["If-Match": tag])
            #expect(stale.status == 412 && stale.json("type") == "/problems/precondition-failed")
            #expect(try await put(client, "three", ["If-Match": "W/\(tag)"]).status == 412)
            #expect(try await put(client, "three", ["If-None-Match": "*"]).status == 412)
            #expect(cell.value == "two")
            for broken in ["two", "\"two", "\"a\" \"b\"", "\"a\", b"] {
                #expect(try await put(client, "three", ["If-Match": broken]).status == 400, "\(broken)")
            }
            #expect(try await put(client, "three", ["If-Match": "*"]).status == 204)
            #expect(try await put(client, "four", [:]).status == 204)
            #expect(cell.changes == 3)
        }
    }

    @Test func ofManyThatSawTheSameStateOneIsDone() async throws {
        let cell = Cell()
        try await withServer([cell.routes], with: .gate(.fake())) { client async throws in
            let tag = try #require(try await client.send("GET", "/cell/a", token: "1").headers["etag"])
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<16 {
                    // The same resource, however its path is written.
                    let path = number % 2 == 0 ? "/cell/a" : "/CELL/%61".replacing("CELL", with: "cell")
                    group.addTask {
                        try await client.send("PUT", path, json: "\(number)", token: "1", headers: ["If-Match": tag])
                            .status
                    }
                }
                var all: [Int] = []
                for try await status in group { all.append(status) }
                return all
            }
            #expect(statuses.count { $0 == 204 } == 1 && statuses.count { $0 == 412 } == 15)
            #expect(cell.changes == 1)
        }
    }

    @Test func aVersionIsTheStoresToCompareAndWhatHasNoTagMatchesNone() async throws {
        try await withServer([Cell().routes]) { client async throws in
            #expect(try await client.send("GET", "/version", token: "1").headers["etag"] == "\"v7\"")
            let seven = ["If-Match": "\"v7\""]
            #expect(try await client.send("PATCH", "/version", json: "{}", token: "1", headers: seven).body == "7")
            #expect(
                try await client.send("PATCH", "/version", json: "{}", token: "1", headers: ["If-Match": "\"v6\""])
                    .status == 412
            )
            #expect(try await client.send("DELETE", "/unread", token: "1", headers: seven).status == 412)
            #expect(try await client.send("DELETE", "/unread", token: "1", headers: ["If-Match": "*"]).status == 204)
        }
    }

    @Test func anOperatorMayDemandTheCondition() async throws {
        try await withServer([Cell().routes], with: .requiringMatch) { client async throws in
            let answer = try await put(client, "two", [:])
            #expect(answer.status == 428 && answer.json("type") == "/problems/precondition-required")
            #expect(try await put(client, "two", ["If-Match": "*"]).status == 204)
            #expect(try await client.send("DELETE", "/unread", token: "1").status == 204)
        }
    }
}
