import ByteParsing
import MailModel

/// Reverse and forward paths of RFC 5321 §4.1.2 with the UTF-8 of RFC 6531 §3.3.
///
///     Path = "<" [ A-d-l ":" ] Mailbox ">"
enum SMTPPathParser {
    /// RFC 5321 §4.5.3.1.3: "256 octets (including the punctuation and element separators)".
    static let maximumPath = 256
    /// RFC 5321 §4.5.3.1.1.
    static let maximumLocalPart = 64
    /// RFC 5321 §4.5.3.1.2.
    static let maximumDomain = 255

    enum Path {
        case null
        /// A local part alone.
        case local([UInt8])
        case address(EmailAddress)
    }

    /// nil: not a path; the cursor is then anywhere.
    static func path(_ cursor: inout ByteCursor) -> Path? {
        let start = cursor.position
        guard cursor.skip(ASCII.less) else { return nil }
        if cursor.skip(ASCII.greater) { return .null }
        guard skipSourceRoute(&cursor), let local = localPart(&cursor) else { return nil }
        if cursor.skip(ASCII.greater) { return .local(local) }
        guard cursor.skip(ASCII.at), let domain = domain(&cursor), cursor.skip(ASCII.greater) else { return nil }
        guard cursor.position - start <= maximumPath else { return nil }
        guard let localText = String(validating: local, as: UTF8.self) else { return nil }
        return .address(EmailAddress(uncheckedLocalPart: localText, domain: domain))
    }

    // `A-d-l = At-domain *( "," At-domain )`. RFC 5321 §4.1.1.3: a source route "MUST BE accepted ... SHOULD be ignored".
    private static func skipSourceRoute(_ cursor: inout ByteCursor) -> Bool {
        guard cursor.peek == ASCII.at else { return true }
        repeat {
            guard cursor.skip(ASCII.at), domain(&cursor) != nil else { return false }
        } while cursor.skip(ASCII.comma)
        return cursor.skip(ASCII.colon)
    }

    // `Local-part = Dot-string / Quoted-string`; without quotes and backslashes. Its UTF-8 is not yet checked.
    private static func localPart(_ cursor: inout ByteCursor) -> [UInt8]? {
        let local = cursor.peek == ASCII.quote ? quotedString(&cursor) : dotString(&cursor)
        guard let local, local.count <= maximumLocalPart else { return nil }
        return local
    }

    private static func dotString(_ cursor: inout ByteCursor) -> [UInt8]? {
        let text = cursor.take(while: { atext.contains($0) || $0 == ASCII.dot })
        guard !text.isEmpty, text.first != ASCII.dot, text.last != ASCII.dot else { return nil }
        guard !zip(text, text.dropFirst()).contains(where: { $0 == ASCII.dot && $1 == ASCII.dot }) else { return nil }
        return Array(text)
    }

    // `Quoted-string = DQUOTE *( %d32-33 / %d35-91 / %d93-126 / "\" %d32-126 ) DQUOTE`
    private static func quotedString(_ cursor: inout ByteCursor) -> [UInt8]? {
        guard cursor.skip(ASCII.quote) else { return nil }
        var text: [UInt8] = []
        while let byte = cursor.next() {
            switch byte {
            case ASCII.quote:
                return text.isEmpty ? nil : text
            case ASCII.backslash:
                guard let next = cursor.next(), (32...126).contains(next) else { return nil }
                text.append(next)
            case 32...126, 128...255:
                text.append(byte)
            default:
                return nil
            }
        }
        return nil
    }

    /// `Domain / address-literal`, in lower case.
    static func domain(_ cursor: inout ByteCursor) -> String? {
        guard cursor.peek == ASCII.leftBracket else {
            let bytes = cursor.take(while: { $0.isASCIIAlphanumeric || $0 == 45 || $0 == 46 || $0 == 95 || $0 >= 128 })
            guard EmailAddress.isDomain(bytes), let text = String(validating: bytes, as: UTF8.self) else { return nil }
            return EmailAddress.lowercased(text)
        }
        return addressLiteral(&cursor)
    }

    /// `"[" ( IPv4-address-literal / "IPv6:" IPv6-addr ) "]"` (RFC 5321 §4.1.3); other tags are not known.
    private static func addressLiteral(_ cursor: inout ByteCursor) -> String? {
        guard cursor.skip(ASCII.leftBracket) else { return nil }
        let isIPv6 = cursor.skip(ignoringCase: "ipv6:")
        let bytes = cursor.take(while: { $0.hexDigitValue != nil || $0 == ASCII.dot || $0 == ASCII.colon })
        guard bytes.count <= 45, bytes.contains(ASCII.colon) == isIPv6, cursor.skip(ASCII.rightBracket) else {
            return nil
        }
        let text = String(decoding: bytes, as: UTF8.self)
        guard IPAddress(text) != nil else { return nil }
        return EmailAddress.lowercased(isIPv6 ? "[ipv6:\(text)]" : "[\(text)]")
    }

    /// RFC 5322 §3.2.3 and RFC 6531 §3.3.
    private static let atext = ByteClass { byte in
        byte >= 128 || byte.isASCIIAlphanumeric || Array("!#$%&'*+-/=?^_`{|}~".utf8).contains(byte)
    }
}
