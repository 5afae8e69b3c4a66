import ByteParsing
import IMAPWire
import MailModel
import MailPorts
import MailboxEngine
import MessageFormat

/// A section's octets.
enum SectionData {
    /// There is no such part: NIL.
    case absent
    case octets(ArraySlice<UInt8>)
    /// A range of the stored message, read when it is sent.
    case stored(Range<Int>)

    var count: Int? {
        switch self {
        case .absent: nil
        case .octets(let octets): octets.count
        case .stored(let range): range.count
        }
    }
}

/// One message that a FETCH takes sections of; reads as little as the sections need.
struct MessageSource {
    let reader: MessageReader
    let gate: ByteGate
    let email: EmailID
    let size: Int
    private var header: [UInt8]?
    private var message: ParsedMessage?
    private var held = 0

    init(reader: MessageReader, gate: ByteGate, email: EmailID, size: Int) {
        self.reader = reader
        self.gate = gate
        self.email = email
        self.size = size
    }

    /// Octets up to which a whole message is read at once instead of in pieces.
    private static let inlineLimit = 256 << 10

    /// Reads what the items need: the whole message to look into its parts, else the header, else nothing.
    mutating func prepare(for items: [FetchItem]) async throws(StoreError) {
        var needsParts = false
        var needsHeader = false
        var needsAll = false
        for item in items {
            switch item {
            case .body: needsParts = true
            case .binary(let part, _, _), .binarySize(let part):
                if part.isEmpty { needsAll = true } else { needsParts = true }
            case .section(let section, _, _):
                if !section.part.isEmpty {
                    needsParts = true
                } else if section.text == .everything {
                    needsAll = true
                } else {
                    needsHeader = true
                }
            case .rfc822: needsAll = true
            case .rfc822Header, .rfc822Text: needsHeader = true
            case .envelope, .flags, .internalDate, .rfc822Size, .uid, .bodyStructure, .modSeq, .emailID, .threadID,
                .preview, .saveDate:
                ()
            }
        }
        if needsParts {
            held = await gate.acquireRoom(size * 2)
            message = ParsedMessage(parsing: try await reader.whole(email, size: size))
        } else if needsAll, size <= Self.inlineLimit {
            whole = try await reader.whole(email, size: size)
        } else if needsHeader {
            header = try await reader.header(email, size: size)
        } else {
            // The first octets are the delivery's own and lie elsewhere than the rest.
            _ = try await reader.read(email, max(0, size - 1)..<size)
        }
        if needsHeader, header == nil {
            let bytes = octets ?? []
            header = Array(bytes[..<(MessageReader.headerEnd(bytes) ?? bytes.count)])
        }
    }

    private var whole: [UInt8]?
    private var octets: [UInt8]? { message?.bytes ?? whole }

    /// Gives the memory back to others.
    mutating func giveBack() {
        gate.release(held)
        held = 0
    }

    // MARK: - Sections

    private func stored(_ range: Range<Int>) -> SectionData {
        guard let octets else { return .stored(range) }
        return .octets(octets[range.clamped(to: 0..<octets.count)])
    }

    var everything: SectionData { stored(0..<size) }
    var headerSection: SectionData { .octets((header ?? [])[...]) }
    var textSection: SectionData { stored(min(header?.count ?? 0, size)..<size) }

    func imapBody() -> [UInt8] { message.map { $0.imapBody(of: $0.root) } ?? [] }

    /// `BODY[section]` (RFC 9051 §6.4.5.1).
    func section(_ section: BodySection) -> SectionData {
        guard section.part.isEmpty else { return part(section) }
        switch section.text {
        case .everything: return everything
        case .header: return headerSection
        case .text: return textSection
        case .headerFields(let names):
            return .octets(Self.fields(of: header ?? [], named: names, isExcluding: false)[...])
        case .headerFieldsNot(let names):
            return .octets(Self.fields(of: header ?? [], named: names, isExcluding: true)[...])
        case .mime: return .absent
        }
    }

    private func part(_ section: BodySection) -> SectionData {
        guard let message, let part = message.part(section.part) else { return .absent }
        switch section.text {
        case .everything: return .octets(message.bytes[part.bodyRange])
        case .mime: return .octets(message.bytes[part.headerRange])
        case .header, .text, .headerFields, .headerFieldsNot:
            // Only a message in the message has a header and a text of its own.
            guard let embedded = part.embedded.first else { return .absent }
            let header = Array(message.bytes[embedded.headerRange])
            switch section.text {
            case .text: return .octets(message.bytes[embedded.bodyRange])
            case .headerFields(let names):
                return .octets(Self.fields(of: header, named: names, isExcluding: false)[...])
            case .headerFieldsNot(let names):
                return .octets(Self.fields(of: header, named: names, isExcluding: true)[...])
            case .header, .everything, .mime: return .octets(header[...])
            }
        }
    }

    /// The decoded part (RFC 9051 §6.4.5 BINARY); nil when its encoding is not known.
    func binary(_ path: [Int]) -> SectionData? {
        guard !path.isEmpty else { return everything }
        guard let message, let part = message.part(path) else { return .absent }
        return part.decodedBody(in: message.bytes).map { .octets($0[...]) }
    }

    /// Fields as they stand, and an empty line.
    private static func fields(of header: [UInt8], named names: [[UInt8]], isExcluding: Bool) -> [UInt8] {
        var output: [UInt8] = []
        for field in HeaderBlock(header).fields.fields {
            let isNamed = names.contains { $0.equalsIgnoringASCIICase(header[field.name]) }
            if isNamed != isExcluding { output += header[field.line] }
        }
        return output + [ASCII.cr, ASCII.lf]
    }
}
