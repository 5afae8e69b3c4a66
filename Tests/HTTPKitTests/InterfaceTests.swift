import FoundationEssentials
import HTTPKit
import MailModel
import NIOCore
import NIOPosix
import Testing

/// What a listener does whatever its routes are.
@Suite struct InterfaceTests {
    private var routes: RouteSet {
        var set = RouteSet()
        set.get("/read") { _ in .text("read") }
        set.post("/write") { .text("\(try await $0.body().count)") }
        set.get("/list") { request in
            let query = try request.list(sorts: ["name", "size"], filters: ["kind"])
            let items = ["b", "c", "a", "d"]
            let (page, next) = try query.page(
                of: items,
                keys: ["name": { $0 }, "size": { _ in "1" }],
                id: { $0 }
            )
            return request.linked(.text(page.joined() + (query.filters["kind"] ?? "")), next: next)
        }
        set.get("/split") { _ in APIResponse(status: 200, headers: ["X-Note": "a\r\nSet-Cookie: b=c\r\n\r\nd"]) }
        return set
    }

    @Test func everyMethodIsAnsweredRight() async throws {
        try await withServer([routes]) { client async throws in
            let options = try await client.send("OPTIONS", "/read")
            #expect(options.status == 204 && options.headers["allow"] == "GET, HEAD, OPTIONS" && options.body.isEmpty)
            for method in ["POST", "TRACE", "DELETE", "PATCH", "PROPFIND"] {
                let answer = try await client.send(method, "/read")
                #expect(answer.status == 405 && answer.headers["allow"] == "GET, HEAD, OPTIONS", "\(method)")
            }
            #expect(try await client.send("GET", "/write").headers["allow"] == "OPTIONS, POST")
            #expect(try await client.send("PROPFIND", "/nowhere").status == 404)
            #expect(try await client.send("OPTIONS", "/nowhere").status == 404)
        }
    }

    @Test func pagesOfOtherOriginsReadNothingUnlessAllowed() async throws {
        let page = ["Origin": "https://mail.example.test"]
        let asking = page.merging(["Access-Control-Request-Method": "GET"]) { first, _ in first }
        try await withServer([routes]) { client async throws in
            for answer in [
                try await client.send("GET", "/read", headers: page),
                try await client.send("OPTIONS", "/read", headers: asking),
            ] {
                #expect(!answer.headers.keys.contains { $0.hasPrefix("access-control") })
                #expect(answer.headers["vary"] == nil)
            }
        }
        try await withServer([routes], with: .origins(["https://mail.example.test"])) {
            client async throws in
            let answer = try await client.send("GET", "/read", headers: page)
            #expect(answer.headers["access-control-allow-origin"] == "https://mail.example.test")
            #expect(answer.headers["access-control-allow-credentials"] == nil && answer.headers["vary"] == "Origin")
            #expect(answer.headers["access-control-expose-headers"]?.contains("ETag") == true)
            let asked = try await client.send("OPTIONS", "/read", headers: asking)
            #expect(asked.status == 204 && asked.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS")
            #expect(asked.headers["access-control-allow-headers"]?.contains("Authorization") == true)
            // Errors are readable too.
            let missing = try await client.send("GET", "/nowhere", headers: page)
            #expect(missing.headers["access-control-allow-origin"] == "https://mail.example.test")
            for other in [
                "https://mail.example.test.evil.test", "http://mail.example.test", "https://MAIL.example.test", "null",
            ] {
                let refused = try await client.send("GET", "/read", headers: ["Origin": other])
                #expect(refused.headers["access-control-allow-origin"] == nil && refused.headers["vary"] == "Origin")
            }
        }
    }

    @Test func listsArePagedSortedAndLinked() async throws {
        try await withServer([routes]) { client async throws in
            let first = try await client.send("GET", "/list?limit=3&kind=x&after=")
            #expect(first.status == 400)
            let page = try await client.send("GET", "/list?limit=3&kind=x")
            #expect(page.body == "abcx")
            let link = try #require(page.headers["link"])
            #expect(link.hasPrefix("</list?limit=3&kind=x&after=") && link.hasSuffix(">; rel=\"next\""))
            let rest = try await client.send("GET", String(link.dropFirst().prefix { $0 != ">" }))
            #expect(rest.body == "dx" && rest.headers["link"] == nil)
            #expect(try await client.send("GET", "/list?sort=-name").body == "dcba")
            #expect(try await client.send("GET", "/list?sort=size&limit=500").body == "abcd")
            for query in [
                "sort=weight", "limit=0", "limit=501", "limit=x", "after=%00", "sort=n%CC%81ame",
                "kind=" + String(repeating: "x", count: 1_001),
            ] {
                #expect(try await client.send("GET", "/list?\(query)").status == 400, "\(query)")
            }
        }
    }

    @Test func aValueNeverBecomesAFieldOfItsOwn() async throws {
        try await withServer([routes]) { client async throws in
            let answer = try await client.send("GET", "/split")
            #expect(answer.headers["set-cookie"] == nil && answer.headers["x-note"] == "aSet-Cookie: b=cd")
        }
    }

    @Test func everyKindOfProblemIsInTheCatalogueAndInTheDocument() async throws {
        let page = try String(
            contentsOfFile: #filePath.replacing(
                "Tests/HTTPKitTests/InterfaceTests.swift",
                with: "docs/API_DOCUMENTATION.md"
            ),
            encoding: .utf8
        )
        try await withServer([ProblemRoutes.routes()]) { client async throws in
            let all = try await client.send("GET", "/problems")
            for kind in ProblemKind.allCases {
                #expect(all.body.contains("\"\(kind.type)\""))
                #expect(page.contains("`\(kind.rawValue)`"), "docs/API_DOCUMENTATION.md has no \(kind.rawValue)")
                let one = try await client.send("GET", kind.type)
                #expect(one.json("status") == "\(kind.status)" && one.json("title") == kind.title)
                #expect(Problem(kind.status).kind?.status == kind.status)
            }
            let unknown = try await client.send("GET", "/problems/none")
            #expect(unknown.status == 404 && unknown.json("type") == "/problems/not-found")
        }
    }

    // MARK: - Slow clients

    /// Sends octets one after the other until the server closes, or the time is over.
    private func trickle(_ client: LoopbackClient, _ begin: String, every: TimeAmount) async throws {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: client.port).get()
        // On a busy machine the server may have lost its patience before the first of them.
        channel.writeAndFlush(ByteBuffer(string: begin), promise: nil)
        let trickle = channel.eventLoop.scheduleRepeatedTask(initialDelay: every, delay: every) { _ in
            channel.writeAndFlush(ByteBuffer(string: "x"), promise: nil)
        }
        let watch = channel.eventLoop.scheduleTask(in: .seconds(20)) { channel.close(promise: nil) }
        try? await channel.closeFuture.get()
        trickle.cancel()
        watch.cancel()
    }

    @Test(arguments: [
        "GET /read HTTP/1.1\r\nHost: x\r\nX-A: ", "POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n",
    ])
    func aClientThatTricklesIsEnded(_ begin: String) async throws {
        try await withServer(
            [routes],
            with: .timeouts(.seconds(2))
        ) { client async throws in
            let clock = ContinuousClock()
            let time = try await clock.measure { try await trickle(client, begin, every: .milliseconds(50)) }
            #expect(time > .milliseconds(1_500) && time < .seconds(15))
            // Others are served meanwhile and after.
            #expect(try await client.send("GET", "/read").status == 200)
        }
    }
}
