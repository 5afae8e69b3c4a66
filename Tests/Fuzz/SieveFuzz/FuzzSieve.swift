import MailModel
import SieveScript

// Reads arbitrary bytes as a script and runs what is one over a small message; the rest of the input is its header.

/// libFuzzer's driver with its command line.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutableRawPointer,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// What the build takes for `main`.
@_cdecl("SieveFuzz_main")
public func start(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
    var (count, arguments) = (count, arguments)
    return unsafe runFuzzer(&count, &arguments, fuzzOneInput)
}

private struct FuzzMessage: SieveMessage {
    let octets: [UInt8]

    var size: Int { octets.count }
    var fields: [SieveField] {
        ["subject", "from", "to", "date", "content-type", "message-id"].map {
            SieveField(name: Array($0.utf8), value: octets)
        }
    }
    var entities: [SieveEntity] {
        [0, 1, 2, 1].map { SieveEntity(fields: fields, depth: $0) }
    }
    func body(of entity: Int, as form: SieveBodyForm, limit: Int) -> [UInt8] { Array(octets.prefix(limit)) }
    func text(of value: [UInt8]) -> [UInt8] { value }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    // What follows the first NUL is the text of the message's fields.
    let script: [UInt8]
    let rest: [UInt8]
    if let index = bytes.firstIndex(of: 0) {
        (script, rest) = (Array(bytes[..<index]), Array(bytes[(index + 1)...]))
    } else {
        (script, rest) = (bytes, Array("Sieve <sieve@example.test>".utf8))
    }
    var limits = SieveLimits()
    limits.steps = 200_000
    do throws(SieveFault) {
        let read = try SieveScript(script, limits: limits)
        var facts = SieveFacts(now: Timestamp(seconds: 1_780_000_000))
        (facts.envelopeFrom, facts.envelopeTo) = ("", "user+detail@example.test")
        let message = FuzzMessage(octets: rest)
        guard let outcome = try? read.run(on: message, facts, limits: limits) else { return 0 }
        precondition(outcome.actions.count <= limits.actions + limits.headerEdits, "more actions than the limit")
        precondition(outcome == (try? read.run(on: message, facts, limits: limits)), "two runs differ")
    } catch {
        precondition(error.line >= 1 && error.column >= 1 && error.column <= script.count + 1, "a place outside")
        precondition(error.line <= script.count { $0 == 10 } + 1, "a line outside")
    }
    return 0
}
