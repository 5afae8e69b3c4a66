import IMAPWire
import MailModel
import NIOCore

// Cuts arbitrary bytes, in arbitrary pieces, into commands and parses each, as a session would.
//
// The first octet chooses the configuration and the first piece's length. What is checked beside the absence of traps:
// the split of the stream does not matter, limits hold, mailbox names and sections survive a round trip.

/// libFuzzer's driver with its command line.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutableRawPointer,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// What the build takes for `main`.
@_cdecl("IMAPFuzz_main")
public func start(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
    var (count, arguments) = (count, arguments)
    return unsafe runFuzzer(&count, &arguments, fuzzOneInput)
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard let selector = bytes.first, bytes.count > 1 else { return 0 }
    let stream = Array(bytes.dropFirst())
    precondition(
        session(pieces(stream, by: selector), selector) == session([stream], selector),
        "the split changed the outcome"
    )
    values(stream)
    return 0
}

private func pieces(_ stream: [UInt8], by selector: UInt8) -> [[UInt8]] {
    var pieces: [[UInt8]] = []
    var rest = stream[...]
    var length = Int(selector >> 4) + 1
    while !rest.isEmpty {
        let piece = rest.prefix(length)
        pieces.append(Array(piece))
        rest = rest.dropFirst(length)
        length = Int(piece.last ?? 0) % 23 + 1
    }
    return pieces
}

/// Everything that a session would see, appended messages as one run of octets.
private func session(_ pieces: [[UInt8]], _ selector: UInt8) -> [String] {
    var limits = IMAPFramer.Limits()
    (limits.command, limits.append) = (400, 300)
    var framer = IMAPFramer(limits: limits)
    let isUTF8 = selector & 1 != 0
    framer.isLineMode = selector & 8 != 0
    var seen: [String] = []
    var message: [UInt8] = []
    var expected = 0
    for piece in pieces {
        var buffer = ByteBuffer(bytes: piece)
        framer.receive(&buffer)
        while let event = framer.next() {
            switch event {
            case .command(let bytes):
                precondition(bytes.count <= limits.command, "a command within its limit")
                seen.append(outcome(of: bytes, isUTF8: isUTF8))
                if selector & 4 != 0 { framer.isLineMode.toggle() }
            case .line(let bytes):
                precondition(bytes.count <= limits.command, "a line within its limit")
                seen.append("line \(bytes)")
                framer.isLineMode = false
            case .continuation: seen.append("+")
            case .appendBegins(let head, let size, let isSynchronizing):
                seen.append("append \(head) \(size) \(isSynchronizing)")
                _ = try? IMAPCommandParser.parseAppend(head, isUTF8: isUTF8)
                if selector & 2 != 0 || size > limits.append {
                    framer.refuseAppend(isSynchronizing: isSynchronizing)
                } else {
                    (message, expected) = ([], size)
                    framer.acceptAppend()
                }
            case .appendBytes(let buffer):
                message += buffer.readableBytesView
                precondition(message.count <= expected, "no more octets than were announced")
            case .appendEnds(let rest):
                precondition(message.count == expected, "as many octets as were announced")
                seen.append("message \(message) \(rest)")
            case .appendDiscarded: seen.append("discarded")
            case .overflow(let head, let hint):
                seen.append("overflow \(IMAPCommandParser.tag(of: head) ?? "-") \(hint)")
            }
        }
    }
    return seen
}

private func outcome(of bytes: [UInt8], isUTF8: Bool) -> String {
    do throws(IMAPParseError) {
        let command = try IMAPCommandParser.parse(bytes, isUTF8: isUTF8)
        return "\(command.tag) \(command.command.name)"
    } catch {
        return "\(error.tag ?? "*") \(error.hint)"
    }
}

private func values(_ bytes: [UInt8]) {
    for isUTF8 in [true, false] {
        guard let name = MailboxName(wire: bytes, isUTF8: isUTF8) else { continue }
        guard let again = MailboxName(wire: name.wire(isUTF8: isUTF8), isUTF8: isUTF8) else {
            preconditionFailure("a name that was read can be written and read")
        }
        precondition(again.text == name.text, "a mailbox name survives")
    }
    if let time = IMAPDate.parse(bytes) { _ = IMAPDate.format(time) }
    _ = IMAPDate.parseDay(bytes)
    let halves = bytes.split(separator: 0, maxSplits: 1)
    if halves.count == 2 {
        _ = MailboxPattern(String(decoding: halves[0], as: UTF8.self)).matches(
            String(decoding: halves[1], as: UTF8.self)
        )
    }
}
