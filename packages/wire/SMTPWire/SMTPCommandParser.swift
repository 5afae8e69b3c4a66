import ByteParsing
import MailModel

/// Reads one command line (RFC 5321 §4.1.1).
///
/// Stateless: whether the command may come now is the machine's business.
package enum SMTPCommandParser {
    // RFC 5321 §4.5.3.1.4: "The maximum total length of a command line including the command word and the <CRLF> is 512 octets."
    package static let maximumLine = 512
    /// 512 and what SIZE (26), BODY (17), AUTH (500), SMTPUTF8 (10), RET and ENVID (116), NOTIFY (28), ORCPT (500) may add.
    package static let maximumEnvelopeLine = 512 + 1197
    /// RFC 4954 §4.5.
    package static let maximumAuthLine = SMTPLineFramer.maximumLine
    /// Octets of a mechanism's name (RFC 4422 §3.1).
    package static let maximumMechanism = 20

    /// Reads a line, given without its CRLF.
    package static func parse(_ line: [UInt8]) throws(SMTPSyntaxError) -> SMTPCommand {
        // RFC 5321 §4.1.1: "SMTP receivers SHOULD tolerate trailing white space before the terminating <CRLF>".
        let end = (line.lastIndex { !$0.isASCIIWhitespace } ?? -1) + 1
        var cursor = ByteCursor(line, range: 0..<end)
        let verb = cursor.take(while: \.isASCIILetter)
        guard cursor.isAtEnd || cursor.peek == ASCII.space else { throw .unknownCommand }
        guard let keyword = Keyword(verb) else { throw .unknownCommand }
        guard line.count + 2 <= keyword.maximumLine else { throw .lineTooLong }
        while cursor.skip(ASCII.space) {}
        return try arguments(of: keyword, &cursor)
    }

    private static func arguments(
        of keyword: Keyword,
        _ cursor: inout ByteCursor
    ) throws(SMTPSyntaxError) -> SMTPCommand {
        switch keyword {
        case .ehlo: return .hello(try hello(&cursor, isExtended: true))
        case .helo: return .hello(try hello(&cursor, isExtended: false))
        case .mail: return .mail(try mail(&cursor))
        case .rcpt: return .rcpt(try rcpt(&cursor))
        case .bdat: return try bdat(&cursor)
        case .auth: return try auth(&cursor)
        case .data: return try alone(.data, "DATA", cursor)
        case .rset: return try alone(.rset, "RSET", cursor)
        case .quit: return try alone(.quit, "QUIT", cursor)
        case .starttls: return try alone(.startTLS, "STARTTLS", cursor)
        case .noop: return .noop
        case .help: return .help
        case .vrfy: return .vrfy
        case .expn: return .expn
        }
    }

    private static func alone(
        _ command: SMTPCommand,
        _ form: String,
        _ cursor: ByteCursor
    ) throws(SMTPSyntaxError) -> SMTPCommand {
        guard cursor.isAtEnd else { throw .wrongForm(form) }
        return command
    }

    // `( Domain / address-literal )`. Deviation: any printable word is taken, as many clients name themselves wrongly;
    // what headers give a meaning to is kept out.
    private static func hello(_ cursor: inout ByteCursor, isExtended: Bool) throws(SMTPSyntaxError) -> SMTPHello {
        let name = cursor.take(while: helloText)
        guard cursor.isAtEnd, !name.isEmpty, name.count <= SMTPPathParser.maximumDomain else {
            throw .wrongForm(isExtended ? "EHLO domain" : "HELO domain")
        }
        return SMTPHello(name: String(decoding: name, as: UTF8.self), isExtended: isExtended)
    }

    // `"MAIL FROM:" Reverse-path [SP Mail-parameters]` (RFC 5321 §4.1.1.2)
    private static func mail(_ cursor: inout ByteCursor) throws(SMTPSyntaxError) -> SMTPSender {
        guard cursor.skip(ignoringCase: "from:") else { throw .badSender }
        while cursor.skip(ASCII.space) {}
        let path: ReversePath
        switch SMTPPathParser.path(&cursor) {
        case .null: path = .null
        case .address(let address): path = .address(address)
        case .local, nil: throw .badSender
        }
        return SMTPSender(path, parameters: try SMTPParameterParser.mail(&cursor))
    }

    // `"RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path ) [SP Rcpt-parameters]` (RFC 5321 §4.1.1.3)
    private static func rcpt(_ cursor: inout ByteCursor) throws(SMTPSyntaxError) -> SMTPRecipient {
        guard cursor.skip(ignoringCase: "to:") else { throw .badRecipient }
        while cursor.skip(ASCII.space) {}
        var recipient: SMTPRecipient
        switch SMTPPathParser.path(&cursor) {
        case .address(let address): recipient = SMTPRecipient(.address(address))
        case .local(let local) where local.equalsIgnoringASCIICase("postmaster"): recipient = SMTPRecipient(.postmaster)
        case .local, .null, nil: throw .badRecipient
        }
        try SMTPParameterParser.rcpt(&cursor, into: &recipient)
        return recipient
    }

    // `"BDAT" SP chunk-size [SP "LAST"]` (RFC 3030 §2)
    private static func bdat(_ cursor: inout ByteCursor) throws(SMTPSyntaxError) -> SMTPCommand {
        guard let size = cursor.number(maximum: UInt64(Int32.max)) else { throw .lostFraming }
        guard !cursor.isAtEnd else { return .bdat(size: Int(size), isLast: false) }
        guard cursor.skip(ASCII.space) else { throw .lostFraming }
        while cursor.skip(ASCII.space) {}
        guard cursor.skip(ignoringCase: "last"), cursor.isAtEnd else { throw .lostFraming }
        return .bdat(size: Int(size), isLast: true)
    }

    // `"AUTH" SP sasl-mech [SP initial-response]` (RFC 4954 §4)
    private static func auth(_ cursor: inout ByteCursor) throws(SMTPSyntaxError) -> SMTPCommand {
        let name = cursor.take(while: { $0.isASCIIAlphanumeric || $0 == ASCII.minus || $0 == 95 })
        guard !name.isEmpty, name.count <= maximumMechanism, cursor.isAtEnd || cursor.skip(ASCII.space) else {
            throw .wrongForm("AUTH mechanism [initial-response]")
        }
        while cursor.skip(ASCII.space) {}
        let mechanism = String(decoding: name.map(\.asciiUppercased), as: UTF8.self)
        guard !cursor.isAtEnd else { return .auth(mechanism: mechanism, initialResponse: nil) }
        let text = cursor.take(while: { $0 != ASCII.space })
        guard cursor.isAtEnd else { throw .wrongForm("AUTH mechanism [initial-response]") }
        // RFC 4954 §4: "a single equals sign ... indicates that the response is present, but contains no data".
        if text.elementsEqual([ASCII.equal]) { return .auth(mechanism: mechanism, initialResponse: SensitiveBytes([])) }
        guard let response = Base64.decode(text) else { throw .badBase64 }
        return .auth(mechanism: mechanism, initialResponse: SensitiveBytes(response))
    }

    private static let helloText = ByteClass { byte in
        byte > 32 && byte < 127 && !Array("()<>@,;\\\"".utf8).contains(byte)
    }

    private enum Keyword: String, CaseIterable {
        case ehlo, helo, mail, rcpt, data, bdat, rset, noop, quit, vrfy, expn, help, starttls, auth

        init?(_ verb: ArraySlice<UInt8>) {
            guard (4...8).contains(verb.count) else { return nil }
            self.init(rawValue: String(decoding: verb.map(\.asciiLowercased), as: UTF8.self))
        }

        var maximumLine: Int {
            switch self {
            case .mail, .rcpt: SMTPCommandParser.maximumEnvelopeLine
            case .auth: SMTPCommandParser.maximumAuthLine
            case .ehlo, .helo, .data, .bdat, .rset, .noop, .quit, .vrfy, .expn, .help, .starttls:
                SMTPCommandParser.maximumLine
            }
        }
    }
}
