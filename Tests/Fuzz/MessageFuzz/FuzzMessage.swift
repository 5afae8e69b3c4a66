import MailModel
import MessageFormat

// Parses arbitrary bytes as a message and asks for everything that a mail client may ask for.
//
// What is checked beside the absence of traps: parts lie within their parents, limits hold, answers are well-formed IMAP.

/// libFuzzer's driver with its command line.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutableRawPointer,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// What the build takes for `main`.
@_cdecl("MessageFuzz_main")
public func start(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
    var (count, arguments) = (count, arguments)
    return unsafe runFuzzer(&count, &arguments, fuzzOneInput)
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    var limits = ParseLimits()
    (limits.depth, limits.parts, limits.headerFields, limits.parameters, limits.addresses) = (20, 100, 100, 20, 100)
    let message = ParsedMessage(parsing: bytes, limits: limits)
    var parts = 0
    inspect(message.root, of: message, within: bytes.indices, depth: 0, parts: &parts)
    precondition(parts <= limits.parts + 1, "parts within their limit")
    sections(message)
    let summary = MessageSummary(of: message)
    precondition(isWellFormed(summary.envelope) && isWellFormed(summary.bodyStructure), "a summary that IMAP can send")
    values(bytes)
    return 0
}

private func inspect(
    _ part: BodyPart,
    of message: ParsedMessage,
    within range: Range<Int>,
    depth: Int,
    parts: inout Int
) {
    parts += 1
    precondition(depth <= 21, "depth within its limit")
    precondition(
        range.contains(part.range) && part.headerRange.upperBound == part.bodyRange.lowerBound,
        "a part in place"
    )
    precondition(isWellFormed(message.imapBodyStructure(of: part)), "a BODYSTRUCTURE that IMAP can send")
    precondition(isWellFormed(message.imapBody(of: part)), "a BODY that IMAP can send")
    precondition(isWellFormed(message.imapEnvelope(of: part)), "an ENVELOPE that IMAP can send")
    _ = part.decodedBody(in: message.bytes)
    _ = part.decodedText(in: message.bytes)
    _ = part.contentType.text(of: "name")
    _ = part.disposition(in: message.bytes)?.text(of: "filename")
    for child in part.children + part.embedded {
        inspect(child, of: message, within: part.bodyRange, depth: depth + 1, parts: &parts)
    }
}

private func sections(_ message: ParsedMessage) {
    for path in [[], [1], [2], [1, 1], [1, 2], [2, 1], [1, 1, 1], [0], [99]] {
        for text in [ParsedMessage.SectionText.everything, .header, .text, .mime] {
            guard let range = message.range(of: path, text) else { continue }
            precondition(message.bytes.indices.contains(range), "a section within the message")
        }
    }
    _ = Preview.searchableText(of: message.root, in: message.bytes, limit: 10_000)
    let header = HeaderBlock(message.bytes)
    precondition(header.removing(["bcc", "received"]).count <= message.bytes.count, "taking out makes nothing longer")
}

private func values(_ bytes: [UInt8]) {
    for address in AddressList.parse(bytes) { _ = address.mailbox }
    _ = EncodedWord.decode(bytes)
    if let time = RFC5322Date.parse(bytes) { _ = RFC5322Date.parse(Array(RFC5322Date.format(time).utf8)) }
    _ = TransferDecoder.base64(bytes[...])
    _ = TransferDecoder.quotedPrintable(bytes[...])
    for charset in ["utf-8", "iso-8859-1", "iso-2022-jp", "utf-16", "utf-7", "gb18030"] {
        _ = CharsetDecoder.decode(bytes, charset: charset)
    }
    let text = String(decoding: bytes, as: UTF8.self)
    precondition(TextMatcher(text).matches(text) || text.isEmpty, "a text contains itself")
}

/// Balanced parentheses outside strings, quoted strings that end, literals as long as they say.
private func isWellFormed(_ bytes: [UInt8]) -> Bool {
    var depth = 0
    var index = 0
    while index < bytes.count {
        switch bytes[index] {
        case UInt8(ascii: "("): depth += 1
        case UInt8(ascii: ")"):
            depth -= 1
            if depth < 0 { return false }
        case UInt8(ascii: "\""):
            index += 1
            while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
                if bytes[index] == UInt8(ascii: "\\") { index += 1 }
                if index < bytes.count, [0, 10, 13].contains(bytes[index]) { return false }
                index += 1
            }
            if index >= bytes.count { return false }
        case UInt8(ascii: "{"):
            guard let end = bytes[index...].firstIndex(of: UInt8(ascii: "}")),
                let size = Int(String(decoding: bytes[(index + 1)..<end], as: UTF8.self)),
                bytes[(end + 1)...].starts(with: [13, 10]), end + 3 + size <= bytes.count
            else { return false }
            index = end + 2 + size
        case 0, 10, 13: return false
        default: ()
        }
        index += 1
    }
    return depth == 0
}

extension Range<Int> {
    fileprivate func contains(_ inner: Range<Int>) -> Bool {
        lowerBound <= inner.lowerBound && inner.upperBound <= upperBound
    }
}
