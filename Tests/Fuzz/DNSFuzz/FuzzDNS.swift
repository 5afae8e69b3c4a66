import DNSWire

// Reads arbitrary bytes as an answer of a name server; what is read is written and read again as the same.

/// libFuzzer's driver with its command line.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutableRawPointer,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// What the build takes for `main`.
@_cdecl("DNSFuzz_main")
public func start(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
    var (count, arguments) = (count, arguments)
    return unsafe runFuzzer(&count, &arguments, fuzzOneInput)
}

private let key = WireName("key.test").map { TSIGKey(name: $0, algorithm: .hmacSHA256, secret: [1, 2, 3]) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    precondition((try? key?.verify(bytes, to: [], now: 0)) == nil, "believed without the secret")
    guard let message = try? DNSMessage(bytes) else { return 0 }
    for record in message.answers + message.authorities + message.additionals {
        guard let text = RecordData.text(record.type, record.data), record.type != DNSNumber.txt,
            let again = RecordData.octets(record.type, text)
        else { continue }
        precondition(again == record.data, "another record than was read")
    }
    // Made whole, names may be longer than a message holds.
    guard let written = message.encoded() else { return 0 }
    precondition((try? DNSMessage(written)) == message, "changed by being written")
    return 0
}
