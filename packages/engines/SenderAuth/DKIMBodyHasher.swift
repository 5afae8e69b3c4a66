import ByteParsing
import MailCrypto

package import struct NIOCore.ByteBuffer

/// Hashes a body piece by piece in its canonical form (RFC 6376 §3.4.3 and §3.4.4); needs 16 KiB however long it is.
///
/// Pieces may end anywhere, between CR and LF too.
package struct DKIMBodyHasher: ~Copyable {
    private let form: DKIMCanonicalisation
    /// `l=`: octets of the canonical body that count; nil for all.
    private let limit: Int?
    private var digest = IncrementalSHA256()
    private var output: [UInt8] = []
    private var canonicalLength = 0
    /// Line ends that count only when something follows them.
    private var pendingLines = 0
    private var hasPendingSpace = false
    private var hasPendingCR = false

    private static let block = 16 << 10

    package init(_ form: DKIMCanonicalisation = .relaxed) {
        self.init(form, limit: nil)
    }

    init(_ form: DKIMCanonicalisation, limit: Int?) {
        self.form = form
        self.limit = limit
        output.reserveCapacity(Self.block)
    }

    package mutating func update(_ bytes: [UInt8]) { update(bytes.span) }

    package mutating func update(_ bytes: ArraySlice<UInt8>) { update(bytes.span) }

    /// The readable octets; the buffer keeps them.
    package mutating func update(_ buffer: ByteBuffer) { update(buffer.readableBytesUInt8Span) }

    package mutating func update(_ bytes: Span<UInt8>) {
        for index in bytes.indices {
            let byte = bytes[index]
            if hasPendingCR {
                hasPendingCR = false
                if byte == ASCII.lf {
                    // RFC 6376 §3.4.4: "Ignore all whitespace at the end of lines."
                    hasPendingSpace = false
                    pendingLines += 1
                    continue
                }
                put(ASCII.cr)
            }
            switch byte {
            case ASCII.cr: hasPendingCR = true
            case ASCII.space where form == .relaxed, ASCII.tab where form == .relaxed: hasPendingSpace = true
            default: put(byte)
            }
        }
    }

    /// An octet behind whatever was held back.
    private mutating func put(_ byte: UInt8) {
        while pendingLines > 0 {
            append(ASCII.cr)
            append(ASCII.lf)
            pendingLines -= 1
        }
        if hasPendingSpace {
            append(ASCII.space)
            hasPendingSpace = false
        }
        append(byte)
    }

    private mutating func append(_ byte: UInt8) {
        output.append(byte)
        if output.count == Self.block { flush() }
    }

    private mutating func flush() {
        let counted = limit.map { min(output.count, max(0, $0 - canonicalLength)) } ?? output.count
        digest.update(counted == output.count ? output : Array(output[..<counted]))
        canonicalLength += output.count
        output.removeAll(keepingCapacity: true)
    }

    /// The hash, 32 octets, as `bh=` carries it.
    package consuming func finish() -> [UInt8] { conclude().hash }

    /// The hash, and the length of the whole canonical body.
    consuming func conclude() -> (hash: [UInt8], length: Int) {
        if hasPendingCR { put(ASCII.cr) }
        // RFC 6376 §3.4.3: empty lines at the end are ignored; a body that is not empty ends in one CRLF, and an empty
        // one is CRLF in the simple form, nothing in the relaxed one.
        let isEmpty = canonicalLength == 0 && output.isEmpty
        if !isEmpty || form == .simple { output += [ASCII.cr, ASCII.lf] }
        flush()
        let length = canonicalLength
        return (digest.finish(), length)
    }
}
