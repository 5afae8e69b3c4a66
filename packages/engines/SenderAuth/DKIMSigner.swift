import ByteParsing
package import MailCrypto
package import MailModel
import MailPorts
import MessageFormat

/// Signs messages of one domain with one key (RFC 6376 §5, relaxed/relaxed).
package struct DKIMSigner: Sendable {
    package let domain: String
    package let selector: String
    private let key: DKIMPrivateKey

    package init(domain: String, selector: String, key: DKIMPrivateKey) {
        self.domain = domain
        self.selector = selector
        self.key = key
    }

    /// Signed once more than they occur, so that nobody can add another in front (RFC 6376 §5.4).
    static let oversigned: [String] = [
        "From", "Reply-To", "Subject", "Date", "Message-ID", "To", "Cc", "In-Reply-To", "References", "MIME-Version", "Content-Type",
        "Content-Transfer-Encoding",
    ]

    /// Signed where they occur; mailing lists add them where they do not (RFC 6376 §5.4.1).
    static let signedIfPresent: [String] = [
        "Sender", "Resent-From", "Resent-Date", "Resent-To", "Resent-Cc", "Resent-Message-ID", "List-Id", "List-Help", "List-Unsubscribe",
        "List-Unsubscribe-Post", "List-Subscribe", "List-Post", "List-Owner", "List-Archive",
    ]

    /// One DKIM-Signature field with its final CRLF, to be put before the message.
    ///
    /// - Parameter message: header and body, lines ended by CRLF.
    package func sign(_ message: [UInt8], now: Timestamp) throws(CryptoError) -> [UInt8] {
        let header = HeaderBlock(message)
        return try sign(header, bodyHash: Self.bodyHash(header), now: now)
    }

    static func bodyHash(_ header: HeaderBlock) -> [UInt8] {
        var hasher = DKIMBodyHasher(.relaxed)
        hasher.update(header.bytes[header.bodyStart...])
        return hasher.finish().hash
    }

    func sign(_ header: HeaderBlock, bodyHash: [UInt8], now: Timestamp) throws(CryptoError) -> [UInt8] {
        let names = Self.signedNames(header)
        var field = FoldedField("DKIM-Signature:")
        field.append("v=1;")
        field.append("a=\(key.algorithm.rawValue);")
        field.append("c=relaxed/relaxed;")
        field.append("d=\(domain);")
        field.append("s=\(selector);")
        field.append("t=\(now.seconds);")
        for (index, name) in names.enumerated() {
            field.append((index == 0 ? "h=" : "") + name + (index == names.count - 1 ? ";" : ":"), glued: index > 0)
        }
        field.append("bh=\(String(decoding: Base64.encode(bodyHash), as: UTF8.self));")
        field.append("b=")
        var input = Self.headerInput(header, names)
        // RFC 6376 §3.7: the signature field itself comes last, `b=` empty, without its CRLF.
        let prefix = Array("dkim-signature".utf8)
        input += DKIMCanonicalisation.relaxed(name: prefix, value: field.value).dropLast(2)
        field.append(base64: Base64.encode(try key.sign(input)))
        return field.bytes + [ASCII.cr, ASCII.lf]
    }

    /// The names of `h=`, in its order.
    static func signedNames(_ header: HeaderBlock) -> [String] {
        func count(_ name: String) -> Int {
            header.fields.fields.count { header.bytes[$0.name].equalsIgnoringASCIICase(Array(name.utf8)) }
        }
        return oversigned.flatMap { Array(repeating: $0, count: count($0) + 1) }
            + signedIfPresent.flatMap { Array(repeating: $0, count: count($0)) }
    }

    /// RFC 6376 §5.4.2: of fields with one name, the last comes first; names beyond those that occur stand for nothing.
    static func headerInput(
        _ header: HeaderBlock, _ names: [String], form: DKIMCanonicalisation = .relaxed, except: HeaderField? = nil
    ) -> [UInt8] {
        var used: [String: Int] = [:]
        var output: [UInt8] = []
        for name in names {
            let key = EmailAddress.lowercased(name)
            let taken = used[key, default: 0]
            used[key] = taken + 1
            let fields = header.fields.fields.filter {
                $0.line.lowerBound != except?.line.lowerBound && header.bytes[$0.name].equalsIgnoringASCIICase(Array(key.utf8))
            }
            if taken < fields.count { output += form.field(fields[fields.count - 1 - taken], of: header.bytes) }
        }
        return output
    }
}

/// A header field that is folded as it grows, lines of at most 78 octets (RFC 5322 §2.1.1).
struct FoldedField {
    private(set) var bytes: [UInt8]
    private let nameLength: Int
    private var column: Int
    private static let width = 78

    init(_ name: String) {
        bytes = Array(name.utf8)
        nameLength = bytes.count
        column = bytes.count
    }

    /// What follows the colon.
    var value: ArraySlice<UInt8> { bytes[nameLength...] }

    /// A word on this line or the next; `glued` without a space before it.
    mutating func append(_ word: String, glued: Bool = false) {
        let length = word.utf8.count + (glued ? 0 : 1)
        if column + length > Self.width {
            bytes += [ASCII.cr, ASCII.lf, ASCII.tab]
            column = 1
        } else if !glued {
            bytes.append(ASCII.space)
            column += 1
        }
        bytes += Array(word.utf8)
        column += word.utf8.count
    }

    /// Base 64 behind what is there, broken anywhere.
    mutating func append(base64 text: [UInt8]) {
        for byte in text {
            if column >= Self.width {
                bytes += [ASCII.cr, ASCII.lf, ASCII.tab]
                column = 1
            }
            bytes.append(byte)
            column += 1
        }
    }
}
