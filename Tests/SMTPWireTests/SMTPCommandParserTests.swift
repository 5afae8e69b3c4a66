import MailModel
import Testing

@testable import SMTPWire

@Suite("SMTP commands")
struct SMTPCommandParserTests {
    struct Row: CustomTestStringConvertible {
        let line: String
        let command: SMTPCommand
        init(_ line: String, _ command: SMTPCommand) {
            self.line = line
            self.command = command
        }
        var testDescription: String { line }
    }

    private static func address(_ local: String, _ domain: String) -> EmailAddress {
        EmailAddress(uncheckedLocalPart: local, domain: domain)
    }
    private static func mail(
        _ local: String,
        _ domain: String,
        _ change: (inout MailParameters) -> Void = { _ in }
    ) -> SMTPCommand {
        var parameters = MailParameters()
        change(&parameters)
        return .mail(SMTPSender(.address(address(local, domain)), parameters: parameters))
    }
    private static func rcpt(_ local: String, _ domain: String) -> SMTPCommand {
        .rcpt(SMTPRecipient(.address(address(local, domain))))
    }

    static let rows: [Row] = [
        Row("EHLO client.example.test", .hello(SMTPHello(name: "client.example.test", isExtended: true))),
        Row("ehlo [192.0.2.1]", .hello(SMTPHello(name: "[192.0.2.1]", isExtended: true))),
        Row("HELO under_score  ", .hello(SMTPHello(name: "under_score", isExtended: false))),
        Row("MAIL FROM:<a@example.test>", mail("a", "example.test")),
        Row("mail from: <a@EXAMPLE.test>", mail("a", "example.test")),
        Row("MAIL FROM:<>", .mail(SMTPSender(.null))),
        Row("MAIL FROM:<\"a b\\\"c\"@example.test>", mail("a b\"c", "example.test")),
        Row("MAIL FROM:<@one.test,@two.test:a@example.test>", mail("a", "example.test")),
        Row("MAIL FROM:<a@[192.0.2.1]>", mail("a", "[192.0.2.1]")),
        Row("MAIL FROM:<a@[IPv6:2001:db8::1]>", mail("a", "[ipv6:2001:db8::1]")),
        Row("MAIL FROM:<grüße@exämple.test> SMTPUTF8", mail("grüße", "exämple.test") { $0.smtpUTF8 = true }),
        Row(
            "MAIL FROM:<a@b.test> SIZE=123 BODY=8bitmime",
            mail("a", "b.test") { ($0.size, $0.body) = (123, .eightBitMIME) }
        ),
        Row(
            "MAIL FROM:<a@b.test> size=0 body=BINARYMIME",
            mail("a", "b.test") { ($0.size, $0.body) = (0, .binaryMIME) }
        ),
        Row("MAIL FROM:<a@b.test> AUTH=<>", mail("a", "b.test") { $0.submitter = "<>" }),
        Row(
            "MAIL FROM:<a@b.test> AUTH=e+3Dmc2@example.test",
            mail("a", "b.test") { $0.submitter = "e=mc2@example.test" }
        ),
        Row(
            "MAIL FROM:<a@b.test> RET=HDRS ENVID=QQ+2B314",
            mail("a", "b.test") { ($0.dsnReturn, $0.envelopeID) = (.headers, "QQ+314") }
        ),
        Row("MAIL FROM:<a@b.test> REQUIRETLS", mail("a", "b.test") { $0.requireTLS = true }),
        Row("RCPT TO:<b@example.test>", rcpt("b", "example.test")),
        Row("RCPT TO:<user+tag!#$%&'*/=?^_`{|}~-@example.test>", rcpt("user+tag!#$%&'*/=?^_`{|}~-", "example.test")),
        Row("RCPT TO:<postmaster>", .rcpt(SMTPRecipient(.postmaster))),
        Row("RCPT TO:<\"postmaster\">", .rcpt(SMTPRecipient(.postmaster))),
        Row(
            "RCPT TO:<b@example.test> NOTIFY=SUCCESS,delay ORCPT=rfc822;B+40x@example.test",
            .rcpt(
                SMTPRecipient(
                    .address(address("b", "example.test")),
                    notify: .on(success: true, failure: false, delay: true),
                    originalRecipient: "rfc822;B@x@example.test"
                )
            )
        ),
        Row(
            "RCPT TO:<b@example.test> NOTIFY=NEVER",
            .rcpt(SMTPRecipient(.address(address("b", "example.test")), notify: .never))
        ),
        Row("DATA ", .data),
        Row("BDAT 0", .bdat(size: 0, isLast: false)),
        Row("bdat 2147483647 last", .bdat(size: 2_147_483_647, isLast: true)),
        Row("RSET", .rset), Row("NOOP anything", .noop), Row("QUIT", .quit), Row("VRFY x", .vrfy), Row("EXPN", .expn),
        Row("HELP", .help),
        Row("STARTTLS", .startTLS),
        Row("AUTH plain", .auth(mechanism: "PLAIN", initialResponse: nil)),
        Row("AUTH PLAIN =", .auth(mechanism: "PLAIN", initialResponse: SensitiveBytes([]))),
        Row("AUTH PLAIN AGEAYg==", .auth(mechanism: "PLAIN", initialResponse: SensitiveBytes([0, 97, 0, 98]))),
    ]

    @Test("RFC 5321 §4.1.1: well-formed commands", arguments: rows)
    func parses(_ row: Row) throws {
        #expect(try SMTPCommandParser.parse(Array(row.line.utf8)) == row.command)
    }

    struct Wrong: CustomTestStringConvertible {
        let bytes: [UInt8]
        let error: SMTPSyntaxError
        init(_ line: String, _ error: SMTPSyntaxError) {
            bytes = Array(line.utf8)
            self.error = error
        }
        init(bytes: [UInt8], _ error: SMTPSyntaxError) {
            self.bytes = bytes
            self.error = error
        }
        var testDescription: String { String(decoding: bytes.prefix(60), as: UTF8.self) }
    }

    private static let long = String(repeating: "x", count: 65)

    static let wrongs: [Wrong] = [
        Wrong("", .unknownCommand), Wrong("   ", .unknownCommand), Wrong("FOO", .unknownCommand),
        Wrong("NOOPS", .unknownCommand),
        Wrong("NOOP\u{0}", .unknownCommand), Wrong(" NOOP", .unknownCommand), Wrong("GET / HTTP/1.1", .unknownCommand),
        Wrong("EHLO", .wrongForm("EHLO domain")), Wrong("HELO a b", .wrongForm("HELO domain")),
        Wrong("EHLO a<b", .wrongForm("EHLO domain")),
        Wrong("EHLO gr\u{fc}n", .wrongForm("EHLO domain")),
        Wrong("DATA x", .wrongForm("DATA")), Wrong("RSET x", .wrongForm("RSET")), Wrong("QUIT x", .wrongForm("QUIT")),
        Wrong("STARTTLS x", .wrongForm("STARTTLS")),
        Wrong("MAIL", .badSender), Wrong("MAIL FROM a@b.test", .badSender), Wrong("MAIL FROM:a@b.test", .badSender),
        Wrong("MAIL FROM:<a@b.test", .badSender), Wrong("MAIL FROM:<a>", .badSender),
        Wrong("MAIL FROM:<@b.test>", .badSender),
        Wrong("MAIL FROM:<a@>", .badSender), Wrong("MAIL FROM:<.a@b.test>", .badSender),
        Wrong("MAIL FROM:<a.@b.test>", .badSender),
        Wrong("MAIL FROM:<a..b@b.test>", .badSender), Wrong("MAIL FROM:<a b@b.test>", .badSender),
        Wrong("MAIL FROM:<a@b..test>", .badSender),
        Wrong("MAIL FROM:<a@-b.test>", .badSender), Wrong("MAIL FROM:<a@[192.0.2.256]>", .badSender),
        Wrong("MAIL FROM:<a@[IPv6:1]>", .badSender),
        Wrong("MAIL FROM:<a@[foo:bar]>", .badSender), Wrong("MAIL FROM:<\"\"@b.test>", .badSender),
        Wrong("MAIL FROM:<\"a@b.test>", .badSender),
        Wrong("MAIL FROM:<\"a\u{1}\"@b.test>", .badSender), Wrong("MAIL FROM:<\(long)@b.test>", .badSender),
        Wrong("MAIL FROM:<a@\(String(repeating: "abcdefg.", count: 32))test>", .badSender),
        Wrong("MAIL FROM:<@a.test a@b.test>", .badSender),
        Wrong(bytes: Array("MAIL FROM:<".utf8) + [0xFF] + Array("@b.test>".utf8), .badSender),
        Wrong(bytes: Array("MAIL FROM:<a@".utf8) + [0xC3] + Array(".test>".utf8), .badSender),
        Wrong("MAIL FROM:<a@b.test>SIZE=1", .wrongForm("<address> [parameter ...]")),
        Wrong("MAIL FROM:<a@b.test> SIZE=", .badParameter("SIZE")),
        Wrong("MAIL FROM:<a@b.test> SIZE=x", .badParameter("SIZE")),
        Wrong("MAIL FROM:<a@b.test> SIZE", .badParameter("SIZE")),
        Wrong("MAIL FROM:<a@b.test> SIZE=123456789012345678901", .badParameter("SIZE")),
        Wrong("MAIL FROM:<a@b.test> SIZE=1 SIZE=1", .badParameter("SIZE")),
        Wrong("MAIL FROM:<a@b.test> BODY=9BIT", .badParameter("BODY")),
        Wrong("MAIL FROM:<a@b.test> SMTPUTF8=1", .badParameter("SMTPUTF8")),
        Wrong("MAIL FROM:<a@b.test> AUTH=+4", .badParameter("AUTH")),
        Wrong("MAIL FROM:<a@b.test> ENVID=a+0Ab", .badParameter("ENVID")),
        Wrong("MAIL FROM:<a@b.test> RET=ALL", .badParameter("RET")),
        Wrong("MAIL FROM:<a@b.test> FOO", .unknownParameter), Wrong("MAIL FROM:<a@b.test> =", .unknownParameter),
        Wrong("RCPT TO:<>", .badRecipient), Wrong("RCPT TO:<root>", .badRecipient),
        Wrong("RCPT TO:<a@b.test>>", .wrongForm("<address> [parameter ...]")),
        Wrong("RCPT TO:<a@b.test> NOTIFY=NEVER,SUCCESS", .badParameter("NOTIFY")),
        Wrong("RCPT TO:<a@b.test> ORCPT=x", .badParameter("ORCPT")),
        Wrong("RCPT TO:<a@b.test> SIZE=1", .unknownParameter),
        Wrong("BDAT", .lostFraming), Wrong("BDAT -1", .lostFraming), Wrong("BDAT 1 FIRST", .lostFraming),
        Wrong("BDAT 2147483648", .lostFraming),
        Wrong("AUTH", .wrongForm("AUTH mechanism [initial-response]")),
        Wrong("AUTH PLAIN A B", .wrongForm("AUTH mechanism [initial-response]")),
        Wrong("AUTH PLAIN ?", .badBase64), Wrong("NOOP \(String(repeating: "x", count: 506))", .lineTooLong),
        Wrong("MAIL FROM:<a@b.test> \(String(repeating: "x", count: 1709))", .lineTooLong),
    ]

    @Test("Malformed commands are refused", arguments: wrongs)
    func refuses(_ wrong: Wrong) {
        #expect(throws: wrong.error) { try SMTPCommandParser.parse(wrong.bytes) }
    }

    @Test("RFC 5321 §4.5.3.1: limits are reached, not crossed")
    func limits() throws {
        let local = String(repeating: "x", count: 64)
        _ = try SMTPCommandParser.parse(Array("MAIL FROM:<\(local)@b.test>".utf8))
        _ = try SMTPCommandParser.parse(Array("NOOP \(String(repeating: "x", count: 505))".utf8))
        #expect(throws: SMTPSyntaxError.badSender) {
            try SMTPCommandParser.parse(Array("MAIL FROM:<\(local)x@b.test>".utf8))
        }
    }
}
