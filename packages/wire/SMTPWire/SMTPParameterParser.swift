import ByteParsing

/// `esmtp-param = esmtp-keyword ["=" esmtp-value]` (RFC 5321 §4.1.2), and the parameters known here.
enum SMTPParameterParser {
    /// Octets of an xtext value before decoding (RFC 3461 §4.2 and §4.4, RFC 4954 §3).
    static let maximumXText = 500

    static func mail(_ cursor: inout ByteCursor) throws(SMTPSyntaxError) -> MailParameters {
        var parameters = MailParameters()
        var seen: Set<String> = []
        while let (name, value) = try next(&cursor) {
            guard seen.insert(name).inserted else { throw .badParameter(name) }
            switch name {
            case "SIZE":
                // RFC 1870 §3: size-value = 1*20DIGIT
                guard let value, value.count <= 20, value.allSatisfy(\.isASCIIDigit) else { throw .badParameter(name) }
                // What no number holds is too large all the same.
                var digits = ByteCursor(value)
                parameters.size = Int(clamping: digits.number() ?? .max)
            case "BODY":
                parameters.body = try body(value)
            case "SMTPUTF8":
                guard value == nil else { throw .badParameter(name) }
                parameters.smtpUTF8 = true
            case "AUTH":
                guard let text = value.flatMap({ xtext($0[...]) }), !text.isEmpty else { throw .badParameter(name) }
                parameters.submitter = text
            case "RET":
                parameters.dsnReturn = try dsnReturn(value)
            case "ENVID":
                guard let text = value.flatMap({ xtext($0[...]) }), !text.isEmpty, text.utf8.count <= 100 else {
                    throw .badParameter(name)
                }
                parameters.envelopeID = text
            case "REQUIRETLS":
                guard value == nil else { throw .badParameter(name) }
                parameters.requireTLS = true
            default:
                throw .unknownParameter
            }
        }
        return parameters
    }

    static func rcpt(_ cursor: inout ByteCursor, into recipient: inout SMTPRecipient) throws(SMTPSyntaxError) {
        var seen: Set<String> = []
        while let (name, value) = try next(&cursor) {
            guard seen.insert(name).inserted else { throw .badParameter(name) }
            switch name {
            case "NOTIFY":
                recipient.notify = try notify(value)
            case "ORCPT":
                recipient.originalRecipient = try originalRecipient(value)
            default:
                throw .unknownParameter
            }
        }
    }

    /// The name in upper case; nil at the end of the line.
    private static func next(_ cursor: inout ByteCursor) throws(SMTPSyntaxError) -> (name: String, value: [UInt8]?)? {
        guard cursor.skip(ASCII.space) else {
            guard cursor.isAtEnd else { throw .wrongForm("<address> [parameter ...]") }
            return nil
        }
        while cursor.skip(ASCII.space) {}
        guard !cursor.isAtEnd else { return nil }
        let keyword = cursor.take(while: { $0.isASCIIAlphanumeric || $0 == ASCII.minus })
        guard !keyword.isEmpty else { throw .unknownParameter }
        let name = String(decoding: keyword.map(\.asciiUppercased), as: UTF8.self)
        guard cursor.skip(ASCII.equal) else { return (name, nil) }
        // esmtp-value excludes "=", yet RFC 3461 xtext and RFC 6533 need it; controls and spaces stay outside.
        let value = cursor.take(while: { $0 > 32 && $0 != 127 })
        guard !value.isEmpty else { throw .badParameter(name) }
        return (name, Array(value))
    }

    /// RFC 6152 §2 and RFC 3030 §3.
    private static func body(_ value: [UInt8]?) throws(SMTPSyntaxError) -> SMTPBodyType {
        if let value {
            if value.equalsIgnoringASCIICase("7bit") { return .sevenBit }
            if value.equalsIgnoringASCIICase("8bitmime") { return .eightBitMIME }
            if value.equalsIgnoringASCIICase("binarymime") { return .binaryMIME }
        }
        throw .badParameter("BODY")
    }

    /// RFC 3461 §4.3.
    private static func dsnReturn(_ value: [UInt8]?) throws(SMTPSyntaxError) -> DSNReturn {
        if let value {
            if value.equalsIgnoringASCIICase("full") { return .full }
            if value.equalsIgnoringASCIICase("hdrs") { return .headers }
        }
        throw .badParameter("RET")
    }

    /// `"NEVER" / 1#("SUCCESS" / "FAILURE" / "DELAY")` (RFC 3461 §4.1).
    private static func notify(_ value: [UInt8]?) throws(SMTPSyntaxError) -> DSNNotify {
        guard let value else { throw .badParameter("NOTIFY") }
        if value.equalsIgnoringASCIICase("never") { return .never }
        var (success, failure, delay) = (false, false, false)
        for word in value.split(separator: ASCII.comma, omittingEmptySubsequences: false) {
            if word.equalsIgnoringASCIICase("success") {
                success = true
            } else if word.equalsIgnoringASCIICase("failure") {
                failure = true
            } else if word.equalsIgnoringASCIICase("delay") {
                delay = true
            } else {
                throw .badParameter("NOTIFY")
            }
        }
        return .on(success: success, failure: failure, delay: delay)
    }

    /// `addr-type ";" xtext` (RFC 3461 §4.2).
    private static func originalRecipient(_ value: [UInt8]?) throws(SMTPSyntaxError) -> String {
        guard let value, let semicolon = value.firstIndex(of: ASCII.semicolon) else { throw .badParameter("ORCPT") }
        let type = value[..<semicolon]
        guard !type.isEmpty, type.allSatisfy({ $0.isASCIIAlphanumeric || $0 == ASCII.minus }) else {
            throw .badParameter("ORCPT")
        }
        guard let text = xtext(value[(semicolon + 1)...]), !text.isEmpty else { throw .badParameter("ORCPT") }
        return "\(String(decoding: type, as: UTF8.self));\(text)"
    }

    /// `xtext = *( xchar / "+" 2HEXDIG )` (RFC 3461 §4), decoded; nil when it is none or hides controls.
    static func xtext(_ bytes: ArraySlice<UInt8>) -> String? {
        guard bytes.count <= maximumXText else { return nil }
        var text: [UInt8] = []
        var cursor = ByteCursor(Array(bytes))
        while let byte = cursor.next() {
            guard byte == ASCII.plus else {
                text.append(byte)
                continue
            }
            guard let high = cursor.next()?.hexDigitValue, let low = cursor.next()?.hexDigitValue else { return nil }
            text.append(high << 4 | low)
        }
        guard !text.contains(where: \.isASCIIControl) else { return nil }
        return String(validating: text, as: UTF8.self)
    }
}
