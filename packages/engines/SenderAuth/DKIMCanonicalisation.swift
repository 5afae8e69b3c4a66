import ByteParsing
import MailCrypto
import MessageFormat

/// RFC 6376 §3.4: how much a message may change on its way.
package enum DKIMCanonicalisation: String, Sendable, CaseIterable {
    case simple, relaxed

    /// One field as it is hashed, its CRLF included.
    func field(_ field: HeaderField, of message: [UInt8]) -> [UInt8] {
        switch self {
        case .simple:
            // RFC 6376 §3.4.1: "does not change header fields in any way".
            Array(message[field.line])
        case .relaxed:
            Self.relaxed(name: message[field.name], value: message[field.value])
        }
    }

    /// RFC 6376 §3.4.2: name in lower case, unfolded, white space reduced to one space and none around the value.
    static func relaxed(name: some Sequence<UInt8>, value: some Sequence<UInt8>) -> [UInt8] {
        var output = name.map(\.asciiLowercased)
        output.append(ASCII.colon)
        var pendingSpace = false
        let start = output.count
        for byte in value {
            if byte.isASCIIWhitespace || byte == ASCII.cr || byte == ASCII.lf {
                pendingSpace = true
                continue
            }
            if pendingSpace, output.count > start { output.append(ASCII.space) }
            pendingSpace = false
            output.append(byte)
        }
        output += [ASCII.cr, ASCII.lf]
        return output
    }
}

/// Hashes a body piece by piece in its canonical form (RFC 6376 §3.4.3 and §3.4.4); needs 16 KiB however long it is.
struct DKIMBodyHasher: ~Copyable {
    private let form: DKIMCanonicalisation
    /// `l=`: octets of the canonical body that count; nil for all.
    private let limit: Int?
    private var digest = IncrementalSHA256()
    private var output: [UInt8] = []
    private(set) var canonicalLength = 0
    private var hashed = 0
    private var pendingLines = 0
    private var pendingSpace = false
    private var pendingCR = false
    private var isInLine = false

    init(_ form: DKIMCanonicalisation, limit: Int? = nil) {
        self.form = form
        self.limit = limit
        output.reserveCapacity(Self.block)
    }

    private static let block = 16 << 10

    mutating func update(_ bytes: ArraySlice<UInt8>) {
        for byte in bytes {
            if pendingCR {
                pendingCR = false
                if byte == ASCII.lf {
                    endLine()
                    continue
                }
                put(ASCII.cr)
            }
            switch byte {
            case ASCII.cr: pendingCR = true
            case ASCII.space where form == .relaxed, ASCII.tab where form == .relaxed: pendingSpace = true
            default: put(byte)
            }
        }
    }

    private mutating func endLine() {
        // RFC 6376 §3.4.4: "Ignore all whitespace at the end of lines".
        pendingSpace = false
        pendingLines += 1
        isInLine = false
    }

    private mutating func put(_ byte: UInt8) {
        while pendingLines > 0 {
            append(ASCII.cr)
            append(ASCII.lf)
            pendingLines -= 1
        }
        if pendingSpace { append(ASCII.space) }
        pendingSpace = false
        append(byte)
        isInLine = true
    }

    private mutating func append(_ byte: UInt8) {
        output.append(byte)
        if output.count == Self.block { flush() }
    }

    private mutating func flush() {
        canonicalLength += output.count
        if let limit {
            digest.update(Array(output.prefix(max(0, limit - hashed))))
        } else {
            digest.update(output)
        }
        hashed += output.count
        output.removeAll(keepingCapacity: true)
    }

    /// The hash and the length of the canonical body.
    consuming func finish() -> (hash: [UInt8], length: Int) {
        if pendingCR { put(ASCII.cr) }
        // RFC 6376 §3.4.3: empty lines at the end are ignored; a body that is not empty ends in one CRLF, and an empty
        // one is CRLF in the simple form, nothing in the relaxed one.
        let isEmpty = canonicalLength == 0 && output.isEmpty
        if !isEmpty || form == .simple { output += [ASCII.cr, ASCII.lf] }
        flush()
        let length = canonicalLength
        return (digest.finish(), length)
    }
}
