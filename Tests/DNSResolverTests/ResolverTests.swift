import DNSResolver
import MailModel
import MailPorts
import Testing

/// The resolver against a server that answers as told.
@Suite(.timeLimit(.minutes(2))) struct ResolverTests {
    static func with(
        _ script: [String: DNSScript],
        timeout: Duration = .seconds(20),
        _ body: (UnboundResolver, ScriptedDNS) async throws -> Void
    ) async throws {
        let server = try await ScriptedDNS(script)
        try await body(try UnboundResolver(server: server.address, timeout: timeout), server)
        await server.stop()
    }

    static func isTemporary(_ error: DNSError?) -> Bool {
        guard case .temporary = error else { return false }
        return true
    }

    @Test func mxHostsComeInLowerCaseWithTheirPreferences() async throws {
        try await Self.with([
            "one.example 15": .records([.mx(20, "B.one.example"), .mx(10, "a.one.example"), .mx(0, "")])
        ]) {
            resolver,
            _ in
            let found = try await resolver.mx("one.example").records.sorted { $0.preference < $1.preference }
            #expect(
                found.map(\.host) == ["", "a.one.example", "b.one.example"] && found.map(\.preference) == [0, 10, 20]
            )
        }
    }

    @Test func aliasesAreFollowed() async throws {
        let script: [String: DNSScript] = [
            "www.example 1": .records([.cname("real.example"), .a(192, 0, 2, 7, owner: "real.example")]),
            "real.example 1": .records([.a(192, 0, 2, 7)]),
            "www.example 28": .records([.cname("real.example")]), "real.example 28": .records([]),
        ]
        try await Self.with(script) { resolver, _ in
            let records = try await resolver.addresses("www.example").records
            #expect(records.map(\.description) == ["192.0.2.7"])
        }
    }

    @Test func circlesOfAliasesEnd() async throws {
        let script: [String: DNSScript] = [
            "a.example 15": .records([.cname("b.example")]), "b.example 15": .records([.cname("a.example")]),
        ]
        try await Self.with(script) { resolver, _ in
            await #expect(throws: DNSError.self) { try await resolver.mx("a.example") }
        }
    }

    @Test func whatDoesNotExistIsTold() async throws {
        try await Self.with(["empty.example 15": .records([])]) { resolver, _ in
            await #expect(throws: DNSError.noSuchName) { try await resolver.mx("missing.example") }
            await #expect(throws: DNSError.noSuchName) { try await resolver.addresses("missing.example") }
            let records = try await resolver.mx("empty.example").records
            #expect(records.isEmpty)
        }
    }

    @Test(arguments: [2, 5] as [UInt16]) func theServersTroubleIsTransient(_ code: UInt16) async throws {
        try await Self.with([
            "bad.example 15": .code(code), "bad.example 1": .code(code), "bad.example 28": .code(code),
        ]) {
            resolver,
            _ in
            let error = await #expect(throws: DNSError.self) { try await resolver.mx("bad.example") }
            #expect(Self.isTemporary(error))
            await #expect(throws: DNSError.self) { try await resolver.addresses("bad.example") }
        }
    }

    @Test(.timeLimit(.minutes(1))) func silenceAndNoiseEndWithTheTimeLimit() async throws {
        let script: [String: DNSScript] = ["silent.example 15": .silence, "noise.example 15": .noise]
        try await Self.with(script, timeout: .milliseconds(300)) { resolver, _ in
            for name in ["silent.example", "noise.example"] {
                let error = await #expect(throws: DNSError.self) { try await resolver.mx(name) }
                #expect(Self.isTemporary(error))
            }
        }
    }

    @Test func oneFamilyIsEnough() async throws {
        let script: [String: DNSScript] = ["half.example 1": .records([.a(192, 0, 2, 1)]), "half.example 28": .code(2)]
        try await Self.with(script) { resolver, _ in
            let records = try await resolver.addresses("half.example").records
            #expect(records.map(\.description) == ["192.0.2.1"])
        }
    }

    @Test func truncatedAnswersAreAskedOverTCP() async throws {
        let rows = (0..<60).map { DNSRow.mx(UInt16($0), "host-\($0).large.example") }
        try await Self.with(["large.example 15": .overTCP(rows)]) { resolver, _ in
            let records = try await resolver.mx("large.example").records
            #expect(records.count == 60)
        }
    }

    @Test func hugeAnswersAreCut() async throws {
        let rows = (0..<2_000).map { DNSRow.mx(UInt16($0), "h\($0).example") }
        try await Self.with(["huge.example 15": .overTCP(rows)]) { resolver, _ in
            let records = try await resolver.mx("huge.example").records
            #expect(records.count <= UnboundResolver.maximumRecords)
        }
    }

    @Test func stringsOfTextAreJoined() async throws {
        let long = String(repeating: "k", count: 255)
        try await Self.with(["text.example 16": .records([.txt("v=DKIM1; p=", long, long)])]) { resolver, _ in
            let records = try await resolver.txt("text.example").records
            #expect(records == ["v=DKIM1; p=\(long)\(long)"])
        }
    }

    @Test func hostsThatAreNoNamesAreLeftOut() async throws {
        let strange = DNSRow(15, [0, 1, 3, 97, 10, 98, 0])
        try await Self.with(["strange.example 15": .records([strange, .mx(2, "fine.example")])]) { resolver, _ in
            let records = try await resolver.mx("strange.example").records
            #expect(records.map(\.host) == ["fine.example"])
        }
    }

    @Test(arguments: [
        "", ".", "a..b", "a b", String(repeating: "a", count: 64), String(repeating: "a.", count: 130) + "a",
    ])
    func whatIsNoNameIsNotAsked(_ name: String) async throws {
        try await Self.with([:]) { resolver, server in
            await #expect(throws: DNSError.invalidName) { try await resolver.mx(name) }
            #expect(server.count("\(name) 15") == 0)
        }
    }

    @Test func manyAtOnceAreAnswered() async throws {
        var script: [String: DNSScript] = [:]
        for number in 0..<500 { script["n\(number).example 15"] = .records([.mx(1, "host\(number).example")]) }
        try await Self.with(script, timeout: .seconds(20)) { resolver, _ in
            let found = await withTaskGroup(of: String?.self) { group in
                for number in 0..<500 {
                    group.addTask {
                        (try? await resolver.mx("n\(number).example"))?.records.first?.host == "host\(number).example"
                            ? "" : "n\(number)"
                    }
                }
                return await group.reduce(into: [String]()) { missing, name in
                    if let name, !name.isEmpty { missing.append(name) }
                }
            }
            #expect(found.isEmpty)
        }
    }
}
