import ByteParsing

/// What a server offers in its reply to EHLO (RFC 5321 §4.1.1.1).
package struct EHLOCapabilities: Hashable, Sendable {
    package private(set) var pipelining = false
    package private(set) var eightBitMIME = false
    package private(set) var smtpUTF8 = false
    package private(set) var startTLS = false
    package private(set) var chunking = false
    package private(set) var binaryMIME = false
    package private(set) var dsn = false
    package private(set) var requireTLS = false
    /// SIZE is known: MAIL may carry it.
    package private(set) var hasSize = false
    /// RFC 1870 §4; nil when the server names no limit.
    package private(set) var maximumSize: Int?
    /// In upper case.
    package private(set) var authMechanisms: Set<String> = []

    /// None: after HELO.
    package init() {}

    package init(_ reply: SMTPReply) {
        for line in reply.lines.dropFirst() { take(line) }
    }

    private mutating func take(_ line: String) {
        let words = line.utf8.split(separator: ASCII.space).map {
            String(decoding: $0.map(\.asciiUppercased), as: UTF8.self)
        }
        switch words.first {
        case "PIPELINING": pipelining = true
        case "8BITMIME": eightBitMIME = true
        case "SMTPUTF8": smtpUTF8 = true
        case "STARTTLS": startTLS = true
        case "CHUNKING": chunking = true
        case "BINARYMIME": binaryMIME = true
        case "DSN": dsn = true
        case "REQUIRETLS": requireTLS = true
        case "SIZE":
            hasSize = true
            // RFC 1870 §4: zero means "no fixed maximum message size is in force".
            if words.count > 1, let size = Int(words[1]), size > 0 { maximumSize = size }
        case "AUTH":
            authMechanisms.formUnion(words.dropFirst())
        default:
            ()  // extensions that are not used
        }
    }
}
