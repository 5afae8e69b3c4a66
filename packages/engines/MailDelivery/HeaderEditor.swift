import ByteParsing
import MessageFormat
import SieveScript

/// Changes the header of one copy of a message (RFC 5293); the rest stays octet by octet.
struct HeaderEditor {
    /// Octets of a line before it is folded where it can be (RFC 5322 §2.1.1).
    private static let foldedAt = 900

    private struct Line {
        /// In lower case; nil for what is no field.
        var name: [UInt8]?
        var bytes: [UInt8]
    }

    private var lines: [Line] = []
    /// The empty line and all behind it.
    private let rest: ArraySlice<UInt8>

    private init(_ message: [UInt8]) {
        let header = HeaderBlock(message)
        var place = 0
        for field in header.fields.fields {
            if place < field.line.lowerBound {
                lines.append(Line(name: nil, bytes: Array(message[place..<field.line.lowerBound])))
            }
            lines.append(
                Line(name: message[field.name].map(\.asciiLowercased), bytes: Array(message[field.line]))
            )
            place = field.line.upperBound
        }
        rest = message[place...]
    }

    static func edit(_ message: [UInt8], _ edits: [SieveHeaderEdit]) -> [UInt8] {
        guard !edits.isEmpty else { return message }
        var editor = HeaderEditor(message)
        for edit in edits { editor.apply(edit) }
        return editor.lines.flatMap(\.bytes) + editor.rest
    }

    private mutating func apply(_ edit: SieveHeaderEdit) {
        switch edit {
        case .add(let name, let value, let isLast):
            guard Self.isFieldName(name) else { return }
            let line = Line(name: name.utf8.map(\.asciiLowercased), bytes: Self.field(name, value))
            if isLast { lines.append(line) } else { lines.insert(line, at: 0) }
        case .delete(let name, let occurrence):
            let wanted = name.utf8.map(\.asciiLowercased)
            let places = lines.indices.filter { lines[$0].name == wanted }
            guard places.indices.contains(occurrence - 1) else { return }
            lines.remove(at: places[occurrence - 1])
        }
    }

    /// RFC 5322 §3.6.8.
    private static func isFieldName(_ name: String) -> Bool {
        !name.utf8.isEmpty && name.utf8.allSatisfy { (33...126).contains($0) && $0 != ASCII.colon }
    }

    /// No octet of the value ends the field; what is not ASCII becomes encoded words (RFC 5293 §4).
    private static func field(_ name: String, _ value: String) -> [UInt8] {
        let start = Array("\(name): ".utf8)
        if value.utf8.contains(where: { $0 >= 128 }) {
            let octets = value.utf8.map { $0.isASCIIControl ? ASCII.space : $0 }
            return start + HeaderPhrase.words(octets) + [ASCII.cr, ASCII.lf]
        }
        var output = start
        var length = start.count
        for word in value.utf8.split(separator: ASCII.space, omittingEmptySubsequences: false) {
            let clean = word.map { $0 < 32 || $0 == 127 ? ASCII.space : $0 }
            if length > start.count, length + clean.count >= foldedAt, !clean.isEmpty {
                output += [ASCII.cr, ASCII.lf, ASCII.space]
                length = 1
            } else if length > start.count {
                output.append(ASCII.space)
                length += 1
            }
            output += clean
            length += clean.count
        }
        return output + [ASCII.cr, ASCII.lf]
    }
}
