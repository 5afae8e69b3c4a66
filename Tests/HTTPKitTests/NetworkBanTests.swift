import HTTPKit
import MailModel
import Testing

@Suite struct NetworkBanTests {
    @Test func whoIsBannedIsToldWhenToComeBack() async throws {
        var set = RouteSet()
        set.get("/open") { _ in .text("open") }
        set.get("/health") { _ in .text("well") }
        var gate = RequestGate()
        gate.barrier = { remote, request in
            request.token == "good" || request.path == "/renewal" || !remote.isLoopback ? nil : 77
        }
        try await withServer([set], with: .gate(gate)) { client async throws in
            let refused = try await client.send("GET", "/open")
            #expect(refused.status == 429 && refused.json("type") == "/problems/network-banned")
            #expect(refused.headers["retry-after"] == "77")
            // Whatever is asked for, also what is not there.
            #expect(try await client.send("GET", "/nothing").status == 429)
            #expect(try await client.send("GET", "/open", token: "bad").status == 429)
            #expect(try await client.send("GET", "/open", token: "good").status == 200)
            #expect(try await client.send("GET", "/renewal").status == 404)
            // Supervisors are always answered.
            #expect(try await client.send("GET", "/health").status == 200)
        }
    }
}
