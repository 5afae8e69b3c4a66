import MailModel
import MessageFormat

/// A parsed message as the dump shows it.
struct MessageInspection {
    let summary: MessageSummary
    let envelope: String
    let bodyStructure: String
    let body: String
    /// How the texts stand for octets: `utf-8`, or `latin-1` where some octets are no UTF-8, so that none is lost in JSON.
    let encoding: String

    init(_ bytes: [UInt8]) {
        let message = ParsedMessage(parsing: bytes)
        summary = MessageSummary(of: message)
        let printed = [summary.envelope, summary.bodyStructure, message.imapBody(of: message.root)]
        let texts = printed.compactMap { String(validating: $0, as: UTF8.self) }
        if texts.count == printed.count {
            (envelope, bodyStructure, body, encoding) = (texts[0], texts[1], texts[2], "utf-8")
        } else {
            let scalars = printed.map { octets in String(String.UnicodeScalarView(octets.map { Unicode.Scalar($0) })) }
            (envelope, bodyStructure, body, encoding) = (scalars[0], scalars[1], scalars[2], "latin-1")
        }
    }

    /// Files on disk often end their lines in LF alone; mail ends them in CRLF (RFC 5322 §2.1).
    static func withNetworkLines(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.contains(10) else { return bytes }
        var converted: [UInt8] = []
        converted.reserveCapacity(bytes.count + bytes.count / 32)
        var previous: UInt8 = 0
        for byte in bytes {
            if byte == 10, previous != 13 { converted.append(13) }
            converted.append(byte)
            previous = byte
        }
        return converted
    }
}
