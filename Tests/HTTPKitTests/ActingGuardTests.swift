import FoundationEssentials
import HTTPKit
import MailModel
import MailPorts
import Synchronization
import Testing

/// What a token opens by which somebody acts as another.
@Suite struct ActingGuardTests {
    private static let party = ActingParty(actor: "boss@shop.test", account: "ann@shop.test")

    /// What was written down.
    private final class Book: Sendable {
        private let lines = Mutex<[ActingRequest]>([])
        private let isClosed = Mutex(false)
        var all: [ActingRequest] { lines.withLock { $0 } }

        func close() { isClosed.withLock { $0 = true } }
        func write(_ line: ActingRequest) throws(Problem) {
            guard !isClosed.withLock({ $0 }) else { throw Problem.unavailable() }
            lines.withLock { $0.append(line) }
        }
    }

    private let book = Book()

    private var guarded: BearerGuard<String> {
        BearerGuard(admitting: { [book] token in
            switch token {
            case "own": BearerGuard.Admission(caller: "ann")
            case "acting": BearerGuard.Admission(caller: "ann", acting: ActingCaller(Self.party) { try book.write($0) })
            case _: nil
            }
        })
    }

    private struct Missing: Error {}

    private var routes: RouteSet {
        var set = RouteSet { error in error is Missing ? Problem.notFound() : nil }
        set.get(
            "/things/{name}",
            whileActing: true,
            guarded { request, _ in
                switch request.parameter("name") {
                case "none": throw Missing()
                case "much": throw Problem(429)
                case "broken": throw CancellationError()
                case let name: .text("shown \(name)")
                }
            }
        )
        let who = guarded { _, caller in .text("\(caller) \(ActingParty.current?.actor ?? "-")") }
        set.get("/closed", who)
        set.post("/closed", who)
        set.put("/closed", who)
        set.patch("/closed", who)
        set.delete("/closed", who)
        set.get("/open", whileActing: true, who)
        set.post("/open", whileActing: true, who)
        set.put("/open", whileActing: true, who)
        set.patch("/open", whileActing: true, who)
        set.delete("/open", whileActing: true, who)
        return set
    }

    private static let methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]

    private func header(_ token: String) -> [String: String] { ["Authorization": "Bearer \(token)"] }

    @Test func aRouteIsClosedUnlessItSaysOtherwise() async throws {
        try await withServer([routes]) { client async throws in
            for method in Self.methods {
                let refused = try await client.send(method, "/closed", headers: header("acting"))
                #expect(refused.status == 403 && refused.json("type") == "/problems/not-while-acting", "\(method)")
                #expect(
                    refused.json("detail")
                        == "boss@shop.test acts as ann@shop.test: this is for ann@shop.test alone."
                )
                #expect(try await client.send(method, "/closed", headers: header("own")).body == "ann -")
                let taken = try await client.send(method, "/open", headers: header("acting"))
                #expect(taken.status == 200 && taken.body == "ann boss@shop.test", "\(method)")
                #expect(try await client.send(method, "/open", headers: header("own")).body == "ann -")
                #expect(try await client.send(method, "/open", headers: header("none")).status == 401)
            }
            #expect(try await client.send("HEAD", "/closed", headers: header("acting")).status == 403)
            // Asking for the entity tag first goes no way round.
            let matching = header("acting").merging(["If-Match": "*"]) { first, _ in first }
            #expect(try await client.send("PUT", "/closed", headers: matching).status == 403)
        }
    }

    @Test func eachRequestIsWrittenDownWithItsPatternAndWhatCameOfIt() async throws {
        try await withServer([routes]) { client async throws in
            for (method, target) in [
                ("GET", "/things/secret?q=horse"), ("HEAD", "/things/x"), ("GET", "/things/none"),
                ("GET", "/things/broken"), ("GET", "/things/much"), ("POST", "/open"), ("GET", "/closed"),
            ] {
                _ = try await client.send(method, target, headers: header("acting"))
                _ = try await client.send(method, target, headers: header("own"))
            }
        }
        #expect(
            book.all.map { "\($0.method) \($0.route) \($0.status)" } == [
                "GET /things/{name} 200", "HEAD /things/{name} 200", "GET /things/{name} 404",
                "GET /things/{name} 500", "POST /open 200",
            ]
        )
        #expect(book.all.allSatisfy { $0.remote == IPAddress("127.0.0.1") })
    }

    @Test func whatCannotBeWrittenDownIsNotAnswered() async throws {
        book.close()
        try await withServer([routes]) { client async throws in
            let refused = try await client.send("GET", "/things/secret", headers: header("acting"))
            #expect(refused.status == 503 && !refused.body.contains("shown"))
            #expect(try await client.send("GET", "/things/secret", headers: header("own")).body == "shown secret")
        }
    }

    @Test func theDocumentMarksWhatIsOpen() throws {
        let document = try OpenAPI.document([routes], version: "1")
        let parsed = try JSONDecoder().decode(Marks.self, from: Data(document))
        for method in Self.methods {
            #expect(parsed.paths["/open"]?[method.lowercased()]?.isOpen == true)
            #expect(parsed.paths["/closed"]?[method.lowercased()]?.isOpen == nil)
        }
    }

    private struct Marks: Decodable {
        struct Operation: Decodable {
            var isOpen: Bool?
            private enum CodingKeys: String, CodingKey { case isOpen = "x-while-acting" }
        }
        var paths: [String: [String: Operation]]
    }
}
