import HTTPKit
import MailModel
import MailPorts
import MailTesting
import Telemetry
import Testing

@Suite struct RequestRateTests {
    private var routes: RouteSet {
        var set = RouteSet()
        let guarded = BearerGuard<Person> { token in Int64(token).map { Person(principalID: $0) } }
        set.get("/mine", guarded { _, _ in .text("mine") })
        set.get("/open") { _ in .text("open") }
        set.get("/health") { _ in .text("well") }
        return set
    }

    private static func gate(account: Int, address: Int, exempt: [IPNetwork] = []) -> RequestGate {
        let limiter = FakeLimiter()
        let clock = ManualClock()
        var gate = RequestGate(counter: { key, rate in
            let window = await limiter.measure(
                key,
                limit: rate.limit,
                windowSeconds: rate.windowSeconds,
                now: clock.now()
            )
            return RequestGate.Count(
                isAllowed: !window.isExceeded,
                remaining: max(0, rate.limit - window.events),
                resetSeconds: window.resetSeconds
            )
        })
        gate.accountRate = account == 0 ? nil : RequestGate.Rate(limit: account, windowSeconds: 60)
        gate.addressRate = address == 0 ? nil : RequestGate.Rate(limit: address, windowSeconds: 60)
        gate.exempt = exempt
        return gate
    }

    @Test func anAccountHasItsRateWhicheverItsConnections() async throws {
        try await withServer([routes], with: .gate(Self.gate(account: 2, address: 100))) {
            client async throws in
            let first = try await client.send("GET", "/mine", token: "1")
            #expect(first.headers["ratelimit-policy"] == "\"address\";q=100;w=60, \"account\";q=2;w=60")
            #expect(first.headers["ratelimit"]?.hasPrefix("\"address\";r=99;t=") == true)
            #expect(first.headers["ratelimit"]?.contains(", \"account\";r=1;t=") == true)
            #expect(try await client.send("GET", "/mine", token: "1").status == 200)
            let third = try await client.send("GET", "/mine", token: "1")
            #expect(third.status == 429 && third.json("type") == "/problems/too-many-requests")
            #expect(third.headers["retry-after"] == "60" && third.headers["ratelimit"]?.contains("r=0") == true)
            // Nobody else is refused for it.
            #expect(try await client.send("GET", "/mine", token: "2").status == 200)
            #expect(try await client.send("GET", "/open").status == 200)
        }
    }

    @Test func anAddressHasItsRateHealthApart() async throws {
        try await withServer([routes], with: .gate(Self.gate(account: 0, address: 2))) {
            client async throws in
            for _ in 0..<3 { #expect(try await client.send("GET", "/health").status == 200) }
            #expect(try await client.send("GET", "/open").status == 200)
            // Errors count, and carry the fields.
            #expect(try await client.send("GET", "/nowhere").headers["ratelimit"]?.contains("r=0") == true)
            #expect(try await client.send("GET", "/open").status == 429)
            #expect(try await client.send("GET", "/health").status == 200)
        }
        let own = try #require(IPNetwork("127.0.0.0/8"))
        try await withServer([routes], with: .gate(Self.gate(account: 0, address: 1, exempt: [own]))) {
            client async throws in
            for _ in 0..<3 { #expect(try await client.send("GET", "/open").status == 200) }
        }
    }
}
