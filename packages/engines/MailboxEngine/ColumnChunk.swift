import MailModel
import MailPorts
import MessageFormat

/// Cached text of a mailbox's messages: whole prefixes of the mailbox only, in chunks that never change.
struct ColumnCache: Sendable {
    var envelopes: [EnvelopeChunk] = []
    var headers: [HeaderChunk] = []
    var byteCount: Int { envelopes.reduce(0) { $0 + $1.byteCount } + headers.reduce(0) { $0 + $1.byteCount } }
}

/// Texts of consecutive messages in one array of octets.
struct TextColumn: Sendable {
    private(set) var bytes: [UInt8] = []
    private(set) var ends: [UInt32] = []
    /// Between texts: an octet that no UTF-8 holds, so that no match goes beyond its text.
    static let separator: UInt8 = 0xFF

    func range(_ row: Int) -> Range<Int> { (row == 0 ? 0 : Int(ends[row - 1]) + 1)..<Int(ends[row]) }

    mutating func append(_ text: [UInt8]) {
        bytes.append(contentsOf: text)
        ends.append(UInt32(bytes.count))
        bytes.append(Self.separator)
    }

    mutating func append(_ other: TextColumn) {
        let base = UInt32(bytes.count)
        bytes.append(contentsOf: other.bytes)
        ends.append(contentsOf: other.ends.map { $0 + base })
    }

    /// Rows whose text holds `needle`, in one pass over all of it (Horspool's search).
    func rows(containing needle: [UInt8]) -> [Int] {
        guard let last = needle.last else { return Array(ends.indices) }
        var skips = [Int](repeating: needle.count, count: 256)
        for (place, byte) in needle.dropLast().enumerated() { skips[Int(byte)] = needle.count - 1 - place }
        var found: [Int] = []
        var row = 0
        var position = needle.count - 1
        let text = bytes.span
        let skip = skips.span
        while position < text.count {
            let byte = text[position]
            if byte == last, matches(needle, text, endingAt: position) {
                while Int(ends[row]) <= position { row += 1 }
                found.append(row)
                // On behind this row: one hit is enough.
                position = Int(ends[row]) + needle.count
                row += 1
                if row == ends.count { break }
            } else {
                position += skip[Int(byte)]
            }
        }
        return found
    }

    private func matches(_ needle: [UInt8], _ text: Span<UInt8>, endingAt position: Int) -> Bool {
        let start = position - needle.count + 1
        for offset in 0..<(needle.count - 1) where text[start + offset] != needle[offset] { return false }
        return true
    }
}

/// ENVELOPE texts as IMAP prints them.
final class EnvelopeChunk: Sendable {
    let uids: [UInt32]
    let texts: TextColumn

    init(_ contents: [MessageContent]) {
        uids = contents.map(\.uid.rawValue)
        var texts = TextColumn()
        for content in contents { texts.append(content.summary.envelope) }
        self.texts = texts
    }

    /// Both, one behind the other.
    init(_ first: EnvelopeChunk, _ second: EnvelopeChunk) {
        uids = first.uids + second.uids
        var texts = first.texts
        texts.append(second.texts)
        self.texts = texts
    }

    var byteCount: Int { texts.bytes.count + uids.count * 8 + 64 }
}

/// Decoded header texts, folded for comparing, of consecutive messages.
final class HeaderChunk: Sendable {
    enum Field: Int, CaseIterable { case subject, from, to, cc, bcc, messageID }

    let uids: [UInt32]
    /// By `Field`.
    let texts: [TextColumn]
    /// Microseconds; the smallest number where the Date field is absent or unreadable.
    let sentDates: [Int64]

    init(_ contents: [MessageContent]) {
        uids = contents.map(\.uid.rawValue)
        sentDates = contents.map { $0.summary.sentAt?.microseconds ?? .min }
        texts = Field.allCases.map { field in
            var column = TextColumn()
            for content in contents {
                let summary = content.summary
                let text =
                    switch field {
                    case .subject: summary.subject
                    case .from: summary.from
                    case .to: summary.to
                    case .cc: summary.cc
                    case .bcc: summary.bcc
                    case .messageID: summary.messageID ?? ""
                    }
                // The separator cannot stand in a folded text: it is UTF-8.
                column.append(TextMatcher.folded(text))
            }
            return column
        }
    }

    /// Both, one behind the other.
    init(_ first: HeaderChunk, _ second: HeaderChunk) {
        uids = first.uids + second.uids
        sentDates = first.sentDates + second.sentDates
        texts = zip(first.texts, second.texts).map { pair in
            var column = pair.0
            column.append(pair.1)
            return column
        }
    }

    var byteCount: Int { texts.reduce(0) { $0 + $1.bytes.count + $1.ends.count * 4 } + uids.count * 12 + 64 }
}
