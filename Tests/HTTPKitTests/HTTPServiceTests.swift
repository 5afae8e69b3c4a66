import HTTPKit
import MailModel
import NIOPosix
import ServiceLifecycle
import Telemetry
import Testing

private struct Letter: RequestDocument {
    static let members: Set<String> = ["name", "count"]
    var name: String
    var count: Int?
}

private struct Secret: Error {}

@Suite struct HTTPServiceTests {
    private var routes: RouteSet {
        var set = RouteSet { $0 is CancellationError ? Problem(418, "Teapot") : nil }
        set.get("/things/{name}") { .text($0.parameter("name") + "|" + ($0.query("q") ?? "-")) }
        set.get("/things/health") { _ in .text("health") }
        set.post("/letters") { request in
            let letter = try await request.decode(Letter.self)
            return try .json(["name": letter.name], status: 201)
        }
        set.get("/broken") { _ in throw Secret() }
        set.get("/mapped") { _ in throw CancellationError() }
        set.get("/who", BearerGuard { token in token == "good" ? "ann" : nil }({ _, caller in .text(caller) }))
        set.get("/remote") { .text($0.remote?.description ?? "-") }
        set.get("/page") { .text("\(try $0.query("limit", default: 7, in: 1...9))") }
        return set
    }

    @Test func routesParametersAndHeaders() async throws {
        try await withServer([routes]) { client async throws in
            let answer = try await client.send("GET", "/things/a%20b%2Fc?q=1", headers: ["X-Request-ID": "abc-1"])
            #expect(answer.status == 200 && answer.body == "a b/c|1")
            #expect(answer.headers["x-request-id"] == "abc-1")
            #expect(answer.headers["x-content-type-options"] == "nosniff")
            #expect(answer.headers["cache-control"] == "no-store")
            #expect(try await client.send("GET", "/things/health").body == "health")
            #expect(try await client.send("GET", "/page").body == "7")
            #expect(try await client.send("GET", "/page?limit=10").status == 400)
            let forged = try await client.send("GET", "/page", headers: ["X-Request-ID": "a b"])
            #expect(forged.headers["x-request-id"]?.utf8.count == 16)
        }
    }

    @Test func everyErrorIsAProblemDocument() async throws {
        try await withServer([routes]) { client async throws in
            let missing = try await client.send("GET", "/nowhere")
            #expect(missing.status == 404 && missing.headers["content-type"] == "application/problem+json")
            #expect(
                missing.json("status") == "404" && missing.json("title") == "Not Found"
                    && missing.json("instance") == "/nowhere"
            )
            let method = try await client.send("DELETE", "/things/x")
            #expect(
                method.status == 405 && method.headers["allow"] == "GET, HEAD, OPTIONS"
                    && method.json("status") == "405"
            )
            let broken = try await client.send("GET", "/broken")
            #expect(broken.status == 500 && broken.json("report_id") == broken.headers["x-request-id"])
            #expect(!broken.body.contains("Secret"))
            #expect(try await client.send("GET", "/mapped").json("title") == "Teapot")
            let head = try await client.send("HEAD", "/things/x")
            #expect(head.status == 200 && head.body.isEmpty)
        }
    }

    @Test func bodiesAreCheckedMemberByMember() async throws {
        try await withServer([routes]) { client async throws in
            #expect(try await client.send("POST", "/letters", json: #"{"name":"x"}"#).status == 201)
            #expect(try await client.send("POST", "/letters", json: "{").status == 400)
            #expect(try await client.send("POST", "/letters", json: "[1]").status == 400)
            #expect(try await client.send("POST", "/letters").status == 415)
            let missing = try await client.send("POST", "/letters", json: "{}")
            #expect(missing.status == 422 && missing.body.contains(##""pointer":"#/name""##))
            let type = try await client.send("POST", "/letters", json: #"{"name":"x","count":"1"}"#)
            #expect(type.status == 422 && type.body.contains(##""pointer":"#/count""##))
            let unknown = try await client.send("POST", "/letters", json: #"{"name":"x","a/b":1}"#)
            #expect(unknown.status == 422 && unknown.body.contains(##""pointer":"#/a~1b""##))
        }
    }

    @Test func largeBodiesAreRefusedWithAndWithoutALength() async throws {
        try await withServer([routes], bodyLimit: 1_000) { client async throws in
            let large = #"{"name":""# + String(repeating: "x", count: 2_000) + "\"}"
            let answer = try await client.send("POST", "/letters", json: large)
            #expect(answer.status == 413 && answer.headers["content-type"] == "application/problem+json")
            let chunk = String(large.utf8.count, radix: 16) + "\r\n\(large)\r\n0\r\n\r\n"
            let chunked = try await client.raw(
                "POST /letters HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + chunk
            )
            #expect(chunked.status == 413)
        }
    }

    @Test func onlyABearerTokenInTheHeaderOpens() async throws {
        try await withServer([routes]) { client async throws in
            #expect(try await client.send("GET", "/who", token: "good").body == "ann")
            let none = try await client.send("GET", "/who?access_token=good")
            #expect(none.status == 401 && none.headers["www-authenticate"]?.contains("Bearer") == true)
            #expect(
                try await client.send("GET", "/who", token: "bad").headers["www-authenticate"]?.contains(
                    "invalid_token"
                ) == true
            )
            #expect(try await client.send("GET", "/who", headers: ["Authorization": "bearer good"]).body == "ann")
            #expect(try await client.send("GET", "/who", headers: ["Authorization": "Basic good"]).status == 401)
        }
    }

    @Test func forwardedAddressesAreBelievedOfTrustedProxiesOnly() async throws {
        let chain = ["X-Forwarded-For": "203.0.113.9, 198.51.100.7, 127.0.0.9"]
        try await withServer([routes]) { client async throws in
            #expect(try await client.send("GET", "/remote", headers: chain).body == "127.0.0.1")
        }
        try await withServer([routes], trustedProxies: [try #require(IPNetwork("127.0.0.0/8"))]) {
            client async throws in
            #expect(try await client.send("GET", "/remote", headers: chain).body == "198.51.100.7")
            #expect(
                try await client.send("GET", "/remote", headers: ["X-Forwarded-For": "nonsense"]).body == "127.0.0.1"
            )
        }
    }

    @Test func aPortInUseIsNamed() async throws {
        try await withServer([routes]) { client async throws in
            let second = HTTPService(
                HTTPServiceConfiguration(host: "127.0.0.1", port: client.port),
                routes: [],
                group: MultiThreadedEventLoopGroup.singleton
            )
            let error = await #expect(throws: ListenerError.self) { try await second.run() }
            #expect(
                error?.description.contains("port \(client.port)") == true
                    && error?.description.contains("in use") == true
            )
        }
    }
}
