import IMAPWire
import MailModel
import Testing

func parse(_ text: String, isUTF8: Bool = false) throws(IMAPParseError) -> TaggedCommand {
    try IMAPCommandParser.parse(Array(text.utf8), isUTF8: isUTF8)
}

/// Every command of RFC 9051 and RFC 3501, by the examples of their text.
@Suite struct IMAPCommandParserTests {
    struct Row: CustomTestStringConvertible {
        var text: String
        var name: String
        init(_ text: String, _ name: String) { (self.text, self.name) = (text, name) }
        var testDescription: String { text }
    }

    static let rows: [Row] = [
        Row("a1 CAPABILITY", "CAPABILITY"), Row("a002 NOOP", "NOOP"), Row("A023 LOGOUT", "LOGOUT"),
        Row("a002 starttls", "STARTTLS"),
        Row("a001 AUTHENTICATE GSSAPI", "AUTHENTICATE"),
        Row("a AUTHENTICATE PLAIN dGVzdAB0ZXN0AHRlc3Q=", "AUTHENTICATE"),
        Row("a001 LOGIN SMITH SESAME", "LOGIN"), Row("a001 LOGIN {11}\r\nFRED FOOBAR {7}\r\nfat man", "LOGIN"),
        Row("t1 ENABLE CONDSTORE X-GOOD-IDEA", "ENABLE"),
        Row("A142 SELECT INBOX", "SELECT"), Row("A932 EXAMINE blurdybloop", "EXAMINE"),
        Row("a SELECT INBOX (CONDSTORE)", "SELECT"),
        Row("A003 CREATE owatagusiam/", "CREATE"), Row("t2 CREATE \"Spam\" (USE (\\Junk \\Trash))", "CREATE"),
        Row("A683 DELETE blurdybloop", "DELETE"), Row("A683 RENAME blurdybloop sarasoop", "RENAME"),
        Row("A002 SUBSCRIBE #news.comp.mail.mime", "SUBSCRIBE"),
        Row("A002 UNSUBSCRIBE #news.comp.mail.mime", "UNSUBSCRIBE"),
        Row("A101 LIST \"\" \"\"", "LIST"), Row("A202 LIST ~/Mail/ %", "LIST"),
        Row("A002 LSUB \"#news.\" \"comp.mail.*\"", "LSUB"),
        Row("A001 NAMESPACE", "NAMESPACE"), Row("A042 STATUS blurdybloop (UIDNEXT MESSAGES)", "STATUS"),
        Row("A002 IDLE", "IDLE"), Row("FXXZ CHECK", "CHECK"), Row("A341 CLOSE", "CLOSE"),
        Row("A341 UNSELECT", "UNSELECT"),
        Row("A202 EXPUNGE", "EXPUNGE"), Row("A003 UID EXPUNGE 3000:3002", "UID EXPUNGE"),
        Row("A282 SEARCH FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"", "SEARCH"),
        Row("a UID SEARCH 1:* NOT SEEN", "UID SEARCH"),
        Row("A654 FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])", "FETCH"),
        Row("A999 UID FETCH 4827313:4828442 FLAGS", "UID FETCH"),
        Row("A003 STORE 2:4 +FLAGS (\\Deleted)", "STORE"), Row("a UID STORE 1 FLAGS.SILENT ()", "UID STORE"),
        Row("A003 COPY 2:4 MEETING", "COPY"), Row("a UID COPY 1 x", "UID COPY"), Row("a MOVE 42:69 foo", "MOVE"),
        Row("a UID MOVE 42:69 foo", "UID MOVE"),
        Row("a023 ID (\"name\" \"sodr\" \"version\" \"19.34\" \"vendor\" NIL)", "ID"), Row("a ID NIL", "ID"),
        Row("a ID ()", "ID"),
        Row("A002 GETACL INBOX", "GETACL"),
        Row("B1 DELETEACL INBOX Fred", "DELETEACL"), Row("a001 LISTRIGHTS ~/Mail/saved smith", "LISTRIGHTS"),
        Row("A003 MYRIGHTS INBOX", "MYRIGHTS"), Row("A1 SETACL INBOX \"ann@shop.test\" +lrs", "SETACL"),
        Row("a LIST \"\" % RETURN (MYRIGHTS)", "LIST"),
    ]

    @Test(arguments: rows) func `Reads the examples of the RFCs`(row: Row) throws {
        let parsed = try parse(row.text)
        #expect(parsed.command.name == row.name)
        #expect(row.text.hasPrefix(parsed.tag + " "))
        // In any case of letters, where there are no strings.
        if !row.text.contains("\r"), !row.text.contains("=") {
            #expect(try parse(row.text.lowercased()).command.name == row.name)
        }
        // Text behind it is never ignored.
        #expect(throws: IMAPParseError.self) { try parse(row.text + " )") }
    }

    struct Bad: CustomTestStringConvertible {
        var text: String
        var tag: String?
        init(_ text: String, tag: String?) { (self.text, self.tag) = (text, tag) }
        var testDescription: String { text }
    }

    static let bad: [Bad] = [
        Bad("", tag: nil), Bad(" ", tag: nil), Bad("* OK", tag: nil), Bad("+ NOOP", tag: nil),
        Bad("a+b NOOP", tag: nil), Bad("(a) NOOP", tag: nil),
        Bad("é NOOP", tag: nil), Bad(String(repeating: "a", count: 101) + " NOOP", tag: nil), Bad("a\tNOOP", tag: nil),
        Bad("a\0 NOOP", tag: nil),
        Bad("a", tag: "a"), Bad("a ", tag: "a"), Bad("a  NOOP", tag: "a"), Bad("a BLURDYBLOOP", tag: "a"),
        Bad("a NOOP ", tag: "a"), Bad("a NOOP x", tag: "a"),
        Bad("a APPEND INBOX", tag: "a"), Bad("a LOGIN", tag: "a"), Bad("a LOGIN x", tag: "a"),
        Bad("a LOGIN x  y", tag: "a"), Bad("a LOGIN \"x y", tag: "a"),
        Bad("a LOGIN \"x\\y\" z", tag: "a"), Bad("a LOGIN \"x\0\" z", tag: "a"), Bad("a LOGIN {3}\r\nab", tag: "a"),
        Bad("a LOGIN {1}\r\n\0 z", tag: "a"),
        Bad("a LOGIN {1}x y", tag: "a"), Bad("a LOGIN {99999999999999999999}\r\nx y", tag: "a"),
        Bad("a LOGIN a{b c", tag: "a"),
        Bad("a AUTHENTICATE", tag: "a"), Bad("a AUTHENTICATE PLAIN !!", tag: "a"), Bad("a SELECT", tag: "a"),
        Bad("a SELECT a b", tag: "a"),
        Bad("a SELECT INBOX (QRESYNC (1 2))", tag: "a"), Bad("a SELECT a%b", tag: "a"),
        Bad("a SELECT \"\u{1}\"", tag: "a"), Bad("a CREATE x (USE (\\Foo))", tag: "a"),
        Bad("a CREATE x (USE (Junk))", tag: "a"), Bad("a STATUS x ()", tag: "a"), Bad("a STATUS x (FOO)", tag: "a"),
        Bad("a STATUS x MESSAGES", tag: "a"),
        Bad("a LIST", tag: "a"), Bad("a LIST \"\"", tag: "a"), Bad("a LIST (RECURSIVEMATCH) \"\" *", tag: "a"),
        Bad("a LIST (FOO) \"\" *", tag: "a"),
        Bad("a LIST \"\" ()", tag: "a"), Bad("a LIST \"\" * RETURN", tag: "a"),
        Bad("a LIST \"\" * RETURN (FOO)", tag: "a"),
        Bad("a FETCH", tag: "a"), Bad("a FETCH 0 FLAGS", tag: "a"), Bad("a FETCH 1", tag: "a"),
        Bad("a FETCH 1 ()", tag: "a"), Bad("a FETCH 1 (ALL)", tag: "a"),
        Bad("a FETCH 1 FOO", tag: "a"), Bad("a FETCH 1 (FLAGS", tag: "a"), Bad("a FETCH 1 BODY[", tag: "a"),
        Bad("a FETCH 1 BODY[FOO]", tag: "a"),
        Bad("a FETCH 1 BODY[MIME]", tag: "a"), Bad("a FETCH 1 BODY[1.]", tag: "a"), Bad("a FETCH 1 BODY[0]", tag: "a"),
        Bad("a FETCH 1 BODY[1..2]", tag: "a"),
        Bad("a FETCH 1 BODY[]<1>", tag: "a"), Bad("a FETCH 1 BODY[]<0.0>", tag: "a"),
        Bad("a FETCH 1 BODY[]<-1.1>", tag: "a"), Bad("a FETCH 1 BODY[]<0.99999999999>", tag: "a"),
        Bad("a FETCH 1 BODY[HEADER.FIELDS ()]", tag: "a"), Bad("a FETCH 1 BODY[HEADER.FIELDS (\"\u{1}\")]", tag: "a"),
        Bad("a FETCH 1 BINARY[TEXT]", tag: "a"),
        Bad("a FETCH 1 BODY[" + Array(repeating: "1", count: 61).joined(separator: ".") + "]", tag: "a"),
        Bad("a STORE 1 FLAGS", tag: "a"), Bad("a STORE 1 *FLAGS ()", tag: "a"),
        Bad("a STORE 1 FLAGS (\\Foo)", tag: "a"), Bad("a STORE 1 FLAGS (a", tag: "a"),
        Bad("a STORE 1 FLAGS.LOUD ()", tag: "a"), Bad("a STORE 1 (UNCHANGEDSINCE x) FLAGS ()", tag: "a"),
        Bad("a COPY 1", tag: "a"), Bad("a UID", tag: "a"),
        Bad("a UID FOO 1", tag: "a"), Bad("a UID EXPUNGE", tag: "a"), Bad("a SEARCH", tag: "a"),
        Bad("a SEARCH FOO", tag: "a"), Bad("a SEARCH (ALL", tag: "a"),
        Bad("a SEARCH ALL  SEEN", tag: "a"), Bad("a SEARCH BEFORE 32-Jan-2000", tag: "a"),
        Bad("a SEARCH BEFORE 1-Foo-2000", tag: "a"), Bad("a SEARCH LARGER x", tag: "a"),
        Bad("a SEARCH OR SEEN", tag: "a"), Bad("a SEARCH NOT", tag: "a"), Bad("a SEARCH HEADER x", tag: "a"),
        Bad("a SEARCH RETURN (FOO) ALL", tag: "a"),
        Bad("a SEARCH CHARSET UTF-8", tag: "a"),
        Bad("a SEARCH " + String(repeating: "(", count: 60) + "ALL" + String(repeating: ")", count: 60), tag: "a"),
        Bad("a SEARCH " + String(repeating: "NOT ", count: 60) + "ALL", tag: "a"),
        Bad("a SEARCH" + String(repeating: " ALL", count: 2_100), tag: "a"),
        Bad("a ENABLE", tag: "a"), Bad("a ID", tag: "a"), Bad("a ID (\"a\")", tag: "a"), Bad("a ID (a b)", tag: "a"),
        Bad("a ID (" + (1...31).map { "\"k\($0)\" NIL" }.joined(separator: " ") + ")", tag: "a"),
    ]

    @Test(arguments: bad) func `What is wrong is refused, with the tag where it is known`(row: Bad) {
        let error = #expect(throws: IMAPParseError.self) { try parse(row.text) }
        #expect(error?.tag == row.tag)
        #expect(error?.hint.isEmpty == false)
        #expect(IMAPCommandParser.tag(of: Array(row.text.utf8)) == row.tag)
    }

    @Test func `Strings come quoted, as literals and as atoms`() throws {
        for text in ["a LOGIN \"us\\\"er\" \"pa\\\\ss\"", "a LOGIN {5}\r\nus\"er {5+}\r\npa\\ss"] {
            guard case .login(let user, let password) = try parse(text).command else {
                Issue.record("no LOGIN")
                return
            }
            #expect(String(decoding: user, as: UTF8.self) == "us\"er")
            #expect(String(decoding: password, as: UTF8.self) == "pa\\ss")
        }
        guard case .login(let user, let password) = try parse("a LOGIN {0}\r\n \"\"").command else {
            Issue.record("no LOGIN")
            return
        }
        #expect(user.isEmpty && password.isEmpty)
    }

    @Test func `AUTHENTICATE takes an initial response, an empty one too`() throws {
        guard case .authenticate("PLAIN", nil) = try parse("a AUTHENTICATE plain").command else {
            Issue.record("no response")
            return
        }
        guard case .authenticate("PLAIN", []?) = try parse("a AUTHENTICATE PLAIN =").command else {
            Issue.record("empty response")
            return
        }
        guard case .authenticate("PLAIN", let response?) = try parse("a AUTHENTICATE PLAIN AGEAYg==").command else {
            Issue.record("response")
            return
        }
        #expect(response == [0, 97, 0, 98])
    }

    @Test func `Mailbox names are modified UTF-7 or UTF-8`() throws {
        func name(_ text: String, isUTF8: Bool = false) throws -> String? {
            guard case .select(let name, _) = try parse("a SELECT " + text, isUTF8: isUTF8).command else { return nil }
            return name.text
        }
        #expect(try name("Entw&APw-rfe") == "Entwürfe")
        #expect(try name("Entw&APw-rfe", isUTF8: true) == "Entw&APw-rfe")
        #expect(try name("\"Entwürfe\"") == "Entwürfe")
        #expect(try name("\"Entwürfe\"", isUTF8: true) == "Entwürfe")
        #expect(try name("{3}\r\na&b") == "a&b")
        #expect(try name("\"a b\"") == "a b")
        #expect(throws: IMAPParseError.self) {
            try IMAPCommandParser.parse(Array("a SELECT \"".utf8) + [0xFF] + Array("\"".utf8), isUTF8: true)
        }
    }

    @Test func `APPEND's head`() throws {
        func head(_ text: String) throws(IMAPParseError) -> AppendCommand {
            try IMAPCommandParser.parseAppend(Array(text.utf8), isUTF8: false)
        }
        let full = try head("A003 APPEND saved-messages (\\Seen $Forwarded) \"17-Jul-1996 02:44:25 -0700\" ")
        #expect(full.tag == "A003" && full.mailbox.text == "saved-messages")
        #expect(full.flags.flags == .seen && full.flags.keywords == ["$Forwarded"])
        #expect(full.internalDate == Timestamp(seconds: 837_596_665))
        #expect(try head("a APPEND INBOX ").internalDate == nil)
        #expect(try head("a append {5}\r\nINBOX () ").mailbox.text == "INBOX")
        #expect(try head("a APPEND INBOX UTF8 (").mailbox.text == "INBOX")
        for text in [
            "a APPEND INBOX", "a APPEND INBOX (\\Foo) ", "a APPEND INBOX \"yesterday\" ", "a APPEND INBOX x ",
            "a APPEND  ", "a APPEND INBOX (a)", "a ",
        ] {
            let error = #expect(throws: IMAPParseError.self) { try head(text) }
            #expect(error?.tag == "a", "\(text)")
        }
    }
}
