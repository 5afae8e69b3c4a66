import SieveScript
import Testing

@Suite struct SieveLimitsTests {
    private func limits(_ change: (inout SieveLimits) -> Void) -> SieveLimits {
        var limits = SieveLimits()
        change(&limits)
        return limits
    }

    @Test func `A script over its bounds is refused`() {
        #expect(Running.fault("keep; # more", limits: limits { $0.scriptLength = 8 }) != nil)
        #expect(Running.fault("keep; keep;", limits: limits { $0.commands = 1 }) != nil)
        #expect(Running.fault("if anyof (true, true) {}", limits: limits { $0.tests = 2 }) != nil)
        #expect(Running.fault("if header \"a\" [\"b\", \"c\"] {}", limits: limits { $0.listItems = 1 }) != nil)
        #expect(Running.fault("if header \"a\" [\"b\", \"c\"] {}", limits: limits { $0.arguments = 2 }) != nil)
        #expect(Running.fault("if header \"a\" \"bcd\" {}", limits: limits { $0.stringLength = 2 }) != nil)
        let two = "require \"variables\"; set \"aa\" \"\"; set \"bb\" \"\";"
        #expect(Running.fault(two, limits: limits { $0.variables = 1 }) != nil)
        #expect(Running.fault(two, limits: limits { $0.variableName = 1 }) != nil)
        #expect(Running.fault(two) == nil)
    }

    @Test(arguments: [32, 33, 100_000]) func `Blocks and tests are nested to a depth`(depth: Int) {
        let blocks = String(repeating: "if true {", count: depth) + String(repeating: "}", count: depth)
        #expect((Running.fault(blocks, limits: limits { $0.commands = 1_000_000 }) == nil) == (depth <= 32))
        let tests = "if " + String(repeating: "not ", count: depth - 1) + "true { keep; }"
        #expect((Running.fault(tests, limits: limits { $0.tests = 1_000_000 }) == nil) == (depth <= 32))
        let lists = "if " + String(repeating: "anyof (", count: depth)
        #expect(Running.fault(lists) != nil)
    }

    @Test func `A string of a megabyte is read, and a longer one is not`() throws {
        let long = String(repeating: "a", count: (1 << 20) - 100)
        #expect(try Running.actions("if header \"subject\" \"\(long)\" { discard; }") == [.keep(flags: nil)])
        #expect(Running.fault("if header \"subject\" \"\(long)\(long)\" { discard; }") != nil)
    }

    @Test func `A pattern that would take for ever ends the run`() throws {
        let value = String(repeating: "a", count: 20_000)
        let pattern = String(repeating: "*a", count: 40) + String(repeating: "a", count: 4_000) + "b"
        let message = "Subject: \(value)\n\nx"
        let script = "if header :matches \"subject\" \"\(pattern)\" { discard; }"
        let fault = try Running.runFault(script, message: message, limits: limits { $0.steps = 1_000_000 })
        #expect(fault?.reason == .limit)
        // Many stars are no more work than one: only the last is widened.
        let stars = "if header :matches \"subject\" \"\(String(repeating: "*a", count: 500))*b\" { discard; }"
        #expect(try Running.actions(stars, message: message) == [.keep(flags: nil)])
    }

    @Test func `Redirects, actions, edits and steps of a run are bounded`() throws {
        let redirects = (0..<3).map { "redirect \"a\($0)@example.test\";" }.joined()
        #expect(try Running.runFault(redirects, limits: limits { $0.redirects = 2 })?.reason == .limit)
        #expect(try Running.actions(redirects).count == 3)
        let files = "require \"fileinto\";" + (0..<3).map { "fileinto \"A\($0)\";" }.joined()
        #expect(try Running.runFault(files, limits: limits { $0.actions = 2 })?.reason == .limit)
        let edits = "require \"editheader\"; addheader \"X\" \"1\"; addheader \"X\" \"2\";"
        #expect(try Running.runFault(edits, limits: limits { $0.headerEdits = 1 })?.reason == .limit)
        #expect(try Running.runFault("if true { keep; }", limits: limits { $0.steps = 2 })?.reason == .limit)
    }

    @Test func `Variables cannot grow without end`() throws {
        let doubling = "set \"a\" \"${a}${a}\";"
        let script =
            "require [\"variables\", \"relational\", \"comparator-i;ascii-numeric\"]; set \"a\" \"x\";"
            + String(repeating: doubling, count: 40)
            + "set :length \"n\" \"${a}\"; if string \"${n}\" \"16384\" { discard; }"
        #expect(try Running.actions(script) == [.discard])
        let wide =
            "require [\"variables\"]; set \"a\" \"x\";" + String(repeating: doubling, count: 20)
            + "set \"b\" \"\(String(repeating: "${a}", count: 100))\";"
        #expect(try Running.runFault(wide)?.reason == .limit)
    }

    @Test func `Loops over parts and names of fields cost steps, even where nothing is in them`() throws {
        var parts = ""
        for _ in 0..<60 { parts += "Content-Type: message/rfc822\n\n" }
        let loops = "require \"foreverypart\"; foreverypart { foreverypart { foreverypart { foreverypart {} } } }"
        // The commands alone are some 36,000; the turns of the innermost loop are ten times as many.
        let bounded = limits { $0.steps = 150_000 }
        #expect(try Running.runFault(loops, message: parts + "x", limits: bounded)?.reason == .limit)
        let names = (0..<500).map { "\"x\($0)\"" }.joined(separator: ",")
        let exists =
            "if anyof (" + Array(repeating: "exists [\(names)]", count: 20).joined(separator: ",") + ") { keep; }"
        #expect(try Running.runFault(exists, limits: limits { $0.steps = 20_000 })?.reason == .limit)
    }

    @Test func `An address of many dots is read in time that grows with its length`() throws {
        let message = "To: " + String(repeating: "a.", count: 200_000) + "a@example.test\n\nx"
        #expect(
            try Running.actions("if address :domain \"to\" \"example.test\" { discard; }", message: message) == [
                .discard
            ]
        )
    }
}
