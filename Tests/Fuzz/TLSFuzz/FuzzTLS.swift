import TLSWire

// Reads arbitrary bytes as the first message of a TLS client; what is read of a part is read of the whole.

/// libFuzzer's driver with its command line.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutableRawPointer,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// What the build takes for `main`.
@_cdecl("TLSFuzz_main")
public func start(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
    var (count, arguments) = (count, arguments)
    return unsafe runFuzzer(&count, &arguments, fuzzOneInput)
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard let hello = try? ClientHello.read(bytes) else { return 0 }
    precondition(hello.protocols.allSatisfy { (1...255).contains($0.count) }, "a protocol without a name")
    if let name = hello.serverName {
        precondition(
            (1...255).contains(name.utf8.count) && !name.utf8.contains { (65...90).contains($0) || $0 < 33 },
            "a name"
        )
    }
    // What comes behind changes nothing, and every shorter part is waited for or the same.
    precondition((try? ClientHello.read(bytes + [0, 22, 3])) == hello, "changed by what comes behind")
    for count in bytes.indices.suffix(64) {
        do {
            guard let part = try ClientHello.read(Array(bytes[..<count])) else { continue }
            precondition(part == hello, "changed by a cut")
        } catch {
            precondition(error == .tooLong, "a part of a hello is refused")
        }
    }
    return 0
}
