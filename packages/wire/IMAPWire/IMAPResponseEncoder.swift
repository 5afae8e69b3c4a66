import ByteParsing
package import MailModel
package import NIOCore

/// Writes responses into a buffer (RFC 9051 §7).
package struct IMAPResponseEncoder: Sendable {
    package var buffer: ByteBuffer
    /// The client has enabled UTF8=ACCEPT or IMAP4rev2: quoted strings may hold UTF-8.
    package var isUTF8 = false

    package init(buffer: ByteBuffer = ByteBuffer()) { self.buffer = buffer }

    package mutating func text(_ text: StaticString) { buffer.writeStaticString(text) }
    package mutating func text(_ text: String) { buffer.writeString(text) }
    package mutating func bytes(_ bytes: some Collection<UInt8>) { buffer.writeBytes(bytes) }
    package mutating func line() { buffer.writeStaticString("\r\n") }

    package mutating func number(_ value: some BinaryInteger) {
        var value = UInt64(value)
        if value < 10 {
            buffer.writeInteger(UInt8(48 + value))
            return
        }
        // Digits from the right, into a small array on the stack.
        var digits: InlineArray<20, UInt8> = .init(repeating: 0)
        var start = 20
        while value > 0 {
            start -= 1
            digits[start] = UInt8(48 + value % 10)
            value /= 10
        }
        for index in start..<20 { buffer.writeInteger(digits[index]) }
    }

    /// Quoted when every octet may stand there, else a literal.
    package mutating func string(_ text: some Collection<UInt8>) {
        var hasUpper = false
        let hasControl = text.contains { byte in
            hasUpper = hasUpper || byte >= 128
            return byte == ASCII.cr || byte == ASCII.lf || byte == 0 || byte == 127
        }
        // RFC 9051 §4.3: what is quoted is valid UTF-8, and only for clients that said so.
        let needsLiteral = hasControl || (hasUpper && !(isUTF8 && String(validating: text, as: UTF8.self) != nil))
        guard !needsLiteral, text.count <= 1_000 else {
            buffer.writeInteger(ASCII.leftBrace)
            number(text.count)
            buffer.writeStaticString("}\r\n")
            // RFC 9051 §4.3: a literal holds no NUL.
            if text.contains(0) { buffer.writeBytes(text.map { $0 == 0 ? 0x80 : $0 }) } else { buffer.writeBytes(text) }
            return
        }
        buffer.writeInteger(ASCII.quote)
        for byte in text {
            if byte == ASCII.quote || byte == ASCII.backslash { buffer.writeInteger(ASCII.backslash) }
            buffer.writeInteger(byte)
        }
        buffer.writeInteger(ASCII.quote)
    }

    package mutating func mailbox(_ name: String) { string(MailboxName(name).wire(isUTF8: isUTF8)) }

    // MARK: - Status responses

    package enum Condition: String, Sendable {
        case ok = "OK"
        case no = "NO"
        case bad = "BAD"
        case bye = "BYE"
        case preauth = "PREAUTH"
    }

    /// `tag SP condition SP ["[" code "]" SP] text CRLF`; no tag: untagged.
    package mutating func status(_ tag: String?, _ condition: Condition, code: String? = nil, _ message: String) {
        buffer.writeString(tag ?? "*")
        buffer.writeInteger(ASCII.space)
        buffer.writeString(condition.rawValue)
        if let code { buffer.writeString(" [\(code)]") }
        buffer.writeInteger(ASCII.space)
        buffer.writeString(message)
        line()
    }

    package mutating func continuation(_ text: String) {
        buffer.writeString("+ \(text)")
        line()
    }

    package mutating func exists(_ count: Int) {
        text("* ")
        number(count)
        text(" EXISTS\r\n")
    }

    package mutating func expunge(_ number: Int) {
        text("* ")
        self.number(number)
        text(" EXPUNGE\r\n")
    }

    /// Flags in parentheses.
    package mutating func flags(_ flags: MessageFlags, _ keywords: Keywords) {
        buffer.writeInteger(ASCII.leftParen)
        var isFirst = true
        for (flag, name) in Self.names where flags.contains(flag) {
            if !isFirst { buffer.writeInteger(ASCII.space) }
            isFirst = false
            buffer.writeStaticString(name)
        }
        for keyword in keywords.names {
            if !isFirst { buffer.writeInteger(ASCII.space) }
            isFirst = false
            buffer.writeString(keyword)
        }
        buffer.writeInteger(ASCII.rightParen)
    }

    private static let names: [(MessageFlags, StaticString)] = [
        (.answered, "\\Answered"), (.flagged, "\\Flagged"), (.deleted, "\\Deleted"), (.seen, "\\Seen"),
        (.draft, "\\Draft"),
    ]

    /// `uid-set` or a set of sequence numbers: runs as ranges.
    package mutating func set(_ numbers: some Sequence<UInt32>) {
        var isFirst = true
        var run: ClosedRange<UInt32>?
        func write(_ run: ClosedRange<UInt32>, _ encoder: inout Self) {
            if !isFirst { encoder.buffer.writeInteger(ASCII.comma) }
            isFirst = false
            encoder.number(run.lowerBound)
            if run.count > 1 {
                encoder.buffer.writeInteger(ASCII.colon)
                encoder.number(run.upperBound)
            }
        }
        for number in numbers {
            if let current = run, current.upperBound &+ 1 == number {
                run = current.lowerBound...number
            } else {
                if let run { write(run, &self) }
                run = number...number
            }
        }
        if let run { write(run, &self) }
    }
}
