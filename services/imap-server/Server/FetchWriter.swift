import ByteParsing
import IMAPWire
import MailModel
import MailboxEngine

/// Lines of FETCH responses into one array: the hot path of large mailboxes.
struct FetchWriter {
    private(set) var bytes: [UInt8] = []
    private var isFirstItem = true

    /// Octets from which the writer is to be flushed.
    private static let limit = 128 << 10
    var isFull: Bool { bytes.count >= Self.limit }
    var count: Int { bytes.count }

    /// `* n FETCH (`.
    mutating func begin(_ number: Int) {
        if bytes.capacity == 0 { bytes.reserveCapacity(4 << 10) }
        bytes.append(ASCII.star)
        bytes.append(ASCII.space)
        self.number(number)
        text(" FETCH (")
        isFirstItem = true
    }

    mutating func end() { text(")\r\n") }

    /// The name of the next item, after a space where it is not the first.
    mutating func item(_ name: StaticString) {
        if !isFirstItem { bytes.append(ASCII.space) }
        isFirstItem = false
        text(name)
    }

    mutating func text(_ text: StaticString) {
        text.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
    }

    mutating func append(_ octets: some Collection<UInt8>) { bytes.append(contentsOf: octets) }

    mutating func number(_ value: Int) {
        if value < 10 {
            bytes.append(UInt8(48 + value))
            return
        }
        var digits: InlineArray<20, UInt8> = .init(repeating: 0)
        var start = 20
        var rest = UInt64(value)
        while rest > 0 {
            start -= 1
            digits[start] = UInt8(truncatingIfNeeded: 48 + rest % 10)
            rest /= 10
        }
        for index in start..<20 { bytes.append(digits[index]) }
    }

    mutating func flags(_ snapshot: MailboxSnapshot, _ index: Int) {
        let flags = snapshot.flags(at: index)
        bytes.append(ASCII.leftParen)
        bytes.append(contentsOf: Self.flagTexts[Int(flags.rawValue & 31)])
        if snapshot.keywordNumber(at: index) != 0 { keywords(snapshot.keywords(at: index), isFirst: flags.isEmpty) }
        bytes.append(ASCII.rightParen)
    }

    mutating func flags(_ flags: MessageFlags, _ keywords: Keywords) {
        bytes.append(ASCII.leftParen)
        bytes.append(contentsOf: Self.flagTexts[Int(flags.rawValue & 31)])
        self.keywords(keywords, isFirst: flags.isEmpty)
        bytes.append(ASCII.rightParen)
    }

    private mutating func keywords(_ keywords: Keywords, isFirst: Bool) {
        var isFirst = isFirst
        for name in keywords.names {
            if !isFirst { bytes.append(ASCII.space) }
            isFirst = false
            bytes.append(contentsOf: name.utf8)
        }
    }

    /// The system flags' names for each of their 32 combinations.
    private static let flagTexts: [[UInt8]] = (0..<32).map { bits in
        let names: [(MessageFlags, String)] = [
            (.answered, "\\Answered"), (.flagged, "\\Flagged"), (.deleted, "\\Deleted"), (.seen, "\\Seen"),
            (.draft, "\\Draft"),
        ]
        return Array(
            names.filter { MessageFlags(rawValue: UInt8(bits)).contains($0.0) }.map(\.1).joined(separator: " ").utf8
        )
    }

    mutating func date(_ time: Timestamp) {
        bytes.append(ASCII.quote)
        bytes.append(contentsOf: IMAPDate.format(time))
        bytes.append(ASCII.quote)
    }

    /// `{n}` CRLF; a literal8 where NUL may stand in it (RFC 9051 §4.3).
    mutating func literalHead(_ count: Int, isBinary: Bool = false) {
        if isBinary { bytes.append(ASCII.tilde) }
        bytes.append(ASCII.leftBrace)
        number(count)
        text("}\r\n")
    }

    /// Takes back what was written since there were `count` octets.
    mutating func truncate(to count: Int) { bytes.removeLast(bytes.count - count) }

    mutating func take() -> [UInt8] {
        let taken = bytes
        bytes = []
        return taken
    }
}
