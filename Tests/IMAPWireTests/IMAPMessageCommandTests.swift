import IMAPWire
import MailModel
import Testing

/// FETCH, STORE, SEARCH and LIST in detail.
@Suite struct IMAPMessageCommandTests {
    private func fetch(_ items: String) throws -> [FetchItem] {
        guard case .fetch(_, let found, _) = try parse("a FETCH 1 \(items)").command else { return [] }
        return found
    }

    private func section(_ text: String) throws -> BodySection? {
        guard case .section(let section, _, _)? = try fetch("BODY[\(text)]").first else { return nil }
        return section
    }

    @Test func `FETCH knows its macros and items`() throws {
        #expect(try fetch("ALL") == [.flags, .internalDate, .rfc822Size, .envelope])
        #expect(try fetch("FAST") == [.flags, .internalDate, .rfc822Size])
        #expect(try fetch("full") == [.flags, .internalDate, .rfc822Size, .envelope, .body])
        #expect(try fetch("(UID FLAGS UID)") == [.uid, .flags])
        #expect(
            try fetch(
                "(BODY BODYSTRUCTURE MODSEQ EMAILID THREADID SAVEDATE PREVIEW PREVIEW (LAZY) RFC822 RFC822.HEADER RFC822.TEXT)"
            ) == [
                .body, .bodyStructure, .modSeq, .emailID, .threadID, .saveDate, .preview, .rfc822, .rfc822Header,
                .rfc822Text,
            ]
        )
        #expect(
            try fetch("(BINARY[1.2]<3.4> BINARY.PEEK[] BINARY.SIZE[3])") == [
                .binary([1, 2], partial: 3..<7, isPeek: false), .binary([], partial: nil, isPeek: true),
                .binarySize([3]),
            ]
        )
    }

    @Test func `FETCH reads sections and partials`() throws {
        #expect(
            try fetch("BODY.PEEK[TEXT]<0.2048>") == [
                .section(
                    BodySection(part: [], text: .text, written: Array("TEXT".utf8)),
                    partial: 0..<2_048,
                    isPeek: true
                )
            ]
        )
        #expect(try section("")?.text == .everything)
        #expect(try section("header")?.text == .header)
        #expect(try section("4.2.2.1")?.part == [4, 2, 2, 1])
        #expect(try section("4.1.MIME")?.text == .mime)
        #expect(try section("4.2.header")?.part == [4, 2])
        #expect(try section("3.TEXT")?.text == .text)
        #expect(
            try section("HEADER.FIELDS (Date \"From\")")?.text
                == .headerFields([Array("Date".utf8), Array("From".utf8)])
        )
        #expect(try section("1.HEADER.FIELDS.NOT (x)")?.text == .headerFieldsNot([Array("x".utf8)]))
    }

    struct Written: CustomTestStringConvertible {
        var section: String
        var written: String
        init(_ section: String, _ written: String) { (self.section, self.written) = (section, written) }
        var testDescription: String { section }
    }

    static let written: [Written] = [
        Written("", ""), Written("1.2", "1.2"), Written("text", "TEXT"), Written("1.mime", "1.MIME"),
        Written("1.Header", "1.HEADER"),
        Written("header.fields (From \"To\")", "HEADER.FIELDS (From To)"),
        Written("header.fields ({4}\r\nDate)", "HEADER.FIELDS (Date)"),
        Written("2.header.fields.not (\"a b\" \"c\\\"d\")", "2.HEADER.FIELDS.NOT (\"a b\" \"c\\\"d\")"),
        Written("header.fields (\"\")", "HEADER.FIELDS (\"\")"),
    ]

    @Test(arguments: written) func `A section is named back in one form, without literals`(row: Written) throws {
        #expect(try section(row.section).map { String(decoding: $0.written, as: UTF8.self) } == row.written)
    }

    @Test func `STORE has modes, silence and a condition`() throws {
        func store(_ text: String) throws -> StoreCommand? {
            guard case .store(let command, _) = try parse("a STORE 1:2 \(text)").command else { return nil }
            return command
        }
        let plain = try #require(try store("FLAGS (\\Seen \\Recent \\deleted Work)"))
        #expect(plain.mode == .replace && !plain.isSilent && plain.unchangedSince == nil)
        #expect(plain.flags.flags == [.seen, .deleted] && plain.flags.keywords == ["Work"])
        let silent = try #require(try store("(UNCHANGEDSINCE 12121230045) -flags.silent \\Seen \\Draft"))
        #expect(silent.mode == .remove && silent.isSilent && silent.unchangedSince == 12_121_230_045)
        #expect(silent.flags.flags == [.seen, .draft])
        #expect(try store("+FLAGS ()")?.mode == .add)
        #expect(throws: IMAPParseError.self) {
            try store("FLAGS (" + (1...101).map { "k\($0)" }.joined(separator: " ") + ")")
        }
        #expect(throws: IMAPParseError.self) { try store("FLAGS \(String(repeating: "k", count: 256))") }
    }

    struct Search: CustomTestStringConvertible {
        var text: String
        /// How the key prints.
        var key: String
        init(_ text: String, _ key: String) { (self.text, self.key) = (text, key) }
        var testDescription: String { text }
    }

    static let searches: [Search] = [
        Search("ALL", "all"), Search("SEEN UNSEEN", "and(seen, not(seen))"),
        Search("OR ANSWERED NOT FLAGGED", "or(answered, not(flagged))"),
        Search("(DELETED (DRAFT))", "and(deleted, draft)"), Search("NOT (SEEN DRAFT)", "not(and(seen, draft))"),
        Search("UNANSWERED UNDELETED UNDRAFT UNFLAGGED", "and(not(answered), not(deleted), not(draft), not(flagged))"),
        Search("RECENT OLD NEW", "and(recent, not(recent), recent)"), Search("2,4:7,9,12:*", "sequence"),
        Search("* $", "and(sequence, sequence)"),
        Search("UID 1:5", "uid"), Search("FROM \"Smith\" TO x CC y BCC z", "and(from Smith, to x, cc y, bcc z)"),
        Search("SUBJECT {3}\r\na b BODY c TEXT d", "and(subject a b, body c, text d)"),
        Search("HEADER Message-ID <a@b>", "header Message-ID <a@b>"),
        Search("HEADER X \"\"", "header X "),
        Search("LARGER 5 SMALLER 4294967296", "and(larger 5, smaller 4294967296)"),
        Search("BEFORE 1-Jan-1970 ON \"2-Jan-1970\" SINCE 01-Jan-1971", "and(before 0, on 1, since 365)"),
        Search(
            "SENTBEFORE 1-Feb-1994 SENTON 1-Feb-1994 SENTSINCE 1-Feb-1994",
            "and(sentBefore 8797, sentOn 8797, sentSince 8797)"
        ),
        Search(
            "SAVEDBEFORE 1-Jan-1970 SAVEDON 1-Jan-1970 SAVEDSINCE 1-Jan-1970",
            "and(savedBefore 0, savedOn 0, savedSince 0)"
        ),
        Search("OLDER 60 YOUNGER 3600", "and(older 60, younger 3600)"),
        Search("KEYWORD $Junk UNKEYWORD Work", "and(keyword $Junk, not(keyword Work))"),
        Search("MODSEQ 620162338", "modSeq 620162338"),
        Search("MODSEQ \"/flags/\\\\draft\" all 620162338", "modSeq 620162338"),
        Search("EMAILID M1 THREADID T1", "and(emailID M1, threadID T1)"),
    ]

    @Test(arguments: searches) func `SEARCH keys`(row: Search) throws {
        guard case .search(let command, _) = try parse("a SEARCH \(row.text)").command else {
            Issue.record("no SEARCH")
            return
        }
        #expect(describe(command.key) == row.key)
        #expect(command.returns == nil && command.charset == nil)
    }

    @Test func `SEARCH has return options and a charset`() throws {
        func search(_ text: String) throws -> SearchCommand? {
            guard case .search(let command, _) = try parse("a SEARCH \(text)").command else { return nil }
            return command
        }
        #expect(try search("RETURN () ALL")?.returns == [.all])
        #expect(try search("RETURN (MIN max COUNT) ALL")?.returns == [.min, .max, .count])
        #expect(try search("RETURN (SAVE) CHARSET UTF-8 TEXT x")?.charset == "UTF-8")
        #expect(try search("CHARSET \"iso-8859-1\" SUBJECT x")?.charset == "iso-8859-1")
        #expect(try search("RETURN (ALL SAVE) $")?.returns == [.all, .save])
    }

    @Test func `LIST has options before and behind`() throws {
        func list(_ text: String) throws -> ListCommand? {
            guard case .list(let command) = try parse("a LIST \(text)").command else { return nil }
            return command
        }
        let plain = try #require(try list("\"\" \"%\""))
        #expect(!plain.isExtended && plain.patterns == ["%"] && plain.reference == "")
        let full = try #require(
            try list(
                "(SUBSCRIBED REMOTE RECURSIVEMATCH SPECIAL-USE) \"Ref\" (INBOX \"a b/%\" *) "
                    + "RETURN (CHILDREN SUBSCRIBED SPECIAL-USE STATUS (MESSAGES UNSEEN SIZE))"
            )
        )
        #expect(
            full.isExtended && full.selectsSubscribed && full.selectsRemote && full.isRecursiveMatch
                && full.selectsSpecialUse
        )
        #expect(full.reference == "Ref" && full.patterns == ["INBOX", "a b/%", "*"])
        #expect(
            full.returnsChildren && full.returnsSubscribed && full.returnsSpecialUse
                && full.returnsStatus == [.messages, .unseen, .size]
        )
        #expect(try list("() \"\" *")?.isExtended == true)
        #expect(try list("\"\" * RETURN ()")?.isExtended == true)
        #expect(try list("\"\" Entw&APw-rfe/%")?.patterns == ["Entwürfe/%"])
    }

    @Test func `CREATE, STATUS and ID`() throws {
        guard case .create(_, let uses) = try parse("a CREATE x (USE (\\Sent \\drafts))").command else {
            Issue.record("no CREATE")
            return
        }
        #expect(uses == [.sent, .drafts])
        let all = StatusItem.allCases.map(\.rawValue).joined(separator: " ")
        guard case .status(_, let items) = try parse("a STATUS x (\(all))").command else {
            Issue.record("no STATUS")
            return
        }
        #expect(items == StatusItem.allCases)
        guard case .id(let fields) = try parse("a ID (\"name\" \"x\" \"os\" NIL)").command else {
            Issue.record("no ID")
            return
        }
        #expect(fields == ["name": "x", "os": ""])
    }
}

private func describe(_ key: SearchKey) -> String {
    func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
    let flags: [UInt8: String] = [1: "seen", 2: "answered", 4: "flagged", 8: "deleted", 16: "draft"]
    return switch key {
    case .all: "all"
    case .and(let keys): "and(\(keys.map(describe).joined(separator: ", ")))"
    case .or(let left, let right): "or(\(describe(left)), \(describe(right)))"
    case .not(let key): "not(\(describe(key)))"
    case .sequence: "sequence"
    case .uid: "uid"
    case .flag(let flag): flags[flag.rawValue] ?? "?"
    case .keyword(let name): "keyword \(name)"
    case .recent: "recent"
    case .header(let name, let value): "header \(text(name)) \(text(value))"
    case .subject(let value): "subject \(text(value))"
    case .from(let value): "from \(text(value))"
    case .to(let value): "to \(text(value))"
    case .cc(let value): "cc \(text(value))"
    case .bcc(let value): "bcc \(text(value))"
    case .body(let value): "body \(text(value))"
    case .text(let value): "text \(text(value))"
    case .larger(let size): "larger \(size)"
    case .smaller(let size): "smaller \(size)"
    case .before(let day): "before \(day)"
    case .on(let day): "on \(day)"
    case .since(let day): "since \(day)"
    case .sentBefore(let day): "sentBefore \(day)"
    case .sentOn(let day): "sentOn \(day)"
    case .sentSince(let day): "sentSince \(day)"
    case .savedBefore(let day): "savedBefore \(day)"
    case .savedOn(let day): "savedOn \(day)"
    case .savedSince(let day): "savedSince \(day)"
    case .older(let seconds): "older \(seconds)"
    case .younger(let seconds): "younger \(seconds)"
    case .modSeq(let value): "modSeq \(value)"
    case .emailID(let id): "emailID \(id)"
    case .threadID(let id): "threadID \(id)"
    }
}
