import IMAPWire
import MailModel
import MailPorts
import MailboxEngine
import Synchronization
import Testing

@Suite struct SearchEvaluatorTests {
    struct Row: CustomTestStringConvertible {
        var criteria: String
        var numbers: [Int]
        var testDescription: String { criteria }
        init(_ criteria: String, _ numbers: [Int]) {
            self.criteria = criteria
            self.numbers = numbers
        }
    }

    /// 2023-11-14 22:13:20 UTC.
    static let day: Int64 = 1_700_000_000

    static func mailbox() -> FakeMailbox {
        let mailbox = FakeMailbox()
        mailbox.add(
            "From: Ann Example <ann@elsewhere.test>\r\nTo: bob@example.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from afar\r\n"
                + "Message-ID: <m1@elsewhere.test>\r\nDate: Mon, 13 Nov 2023 10:00:00 +0000\r\nX-Note: alpha =?utf-8?q?b=C3=A9ta?=\r\n\r\nThe first body\r\n",
            flags: [.seen],
            date: day - 86_400
        )
        mailbox.add(
            "From: carl@elsewhere.test\r\nTo: bob@example.test\r\nCc: dora@example.test\r\nSubject: Budget\r\nMessage-ID: <m2@elsewhere.test>\r\n"
                + "Date: Tue, 14 Nov 2023 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n"
                + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=C3=A9 time\r\n--b\r\n"
                + "Content-Type: application/pdf; name=secret.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nY2Fm\r\n--b--\r\n",
            flags: [.flagged, .answered],
            keywords: ["$Forwarded", "work"],
            date: day,
            gap: 3
        )
        mailbox.add(
            "Subject: budget of\r\n next year\r\nBcc: eve@example.test\r\n\r\nthird\r\n",
            flags: [.deleted, .draft],
            keywords: ["Work"],
            date: day + 86_400
        )
        return mailbox
    }

    static let rows = [
        Row("ALL", [1, 2, 3]), Row("SEEN", [1]), Row("UNSEEN", [2, 3]), Row("ANSWERED", [2]),
        Row("UNANSWERED", [1, 3]), Row("FLAGGED", [2]),
        Row("UNFLAGGED", [1, 3]), Row("DELETED", [3]), Row("UNDELETED", [1, 2]), Row("DRAFT", [3]),
        Row("UNDRAFT", [1, 2]), Row("RECENT", []),
        Row("OLD", [1, 2, 3]), Row("NEW", []), Row("KEYWORD work", [2, 3]), Row("UNKEYWORD WORK", [1]),
        Row("KEYWORD $forwarded", [2]),
        Row("KEYWORD none", []), Row("2", [2]), Row("2:*", [2, 3]), Row("7", []), Row("UID 5", [2]),
        Row("UID 1:5", [1, 2]), Row("UID 100:*", [3]),
        Row("NOT 1", [2, 3]), Row("OR SEEN DELETED", [1, 3]), Row("(SEEN DELETED)", []),
        Row("NOT (OR SEEN FLAGGED)", [3]),
        Row("SUBJECT grüße", [1]), Row("SUBJECT GRÜSSE", []), Row("SUBJECT budget", [2, 3]),
        Row("SUBJECT \"of next\"", [3]), Row("FROM ann", [1]),
        Row("FROM example", [1]), Row("TO BOB@", [1, 2]), Row("CC dora", [2]), Row("BCC eve", [3]), Row("CC \"\"", [2]),
        Row("SUBJECT \"\"", [1, 2, 3]),
        Row("HEADER X-Note béta", [1]), Row("HEADER x-note \"\"", [1]),
        Row("HEADER Message-ID <m2@elsewhere.test>", [2]),
        Row("HEADER MESSAGE-ID m1@", [1]), Row("HEADER MESSAGE-ID <m", [1, 2]), Row("HEADER Content-Type mixed", [2]),
        Row("BODY first", [1]), Row("BODY café", [2]), Row("BODY CAFÉ", [2]), Row("BODY Y2Fm", []),
        Row("BODY budget", []), Row("BODY preamble", []),
        Row("TEXT budget", [2, 3]), Row("TEXT \"Subject: budget\"", [2, 3]), Row("TEXT secret.pdf", [2]),
        Row("TEXT third", [3]),
        Row("LARGER 300", [2]), Row("SMALLER 300", [1, 3]), Row("SMALLER 100", [3]), Row("LARGER 0 SMALLER 100", [3]),
        Row("BEFORE 14-Nov-2023", [1]), Row("ON 14-Nov-2023", [2]), Row("SINCE 14-Nov-2023", [2, 3]),
        Row("SENTBEFORE 14-Nov-2023", [1]),
        Row("SENTON 14-Nov-2023", [2]), Row("SENTSINCE 13-Nov-2023", [1, 2]), Row("NOT SENTON 14-Nov-2023", [1, 3]),
        Row("SAVEDON 15-Nov-2023", [2]),
        Row("SAVEDBEFORE 15-Nov-2023", [1]), Row("SAVEDSINCE 15-Nov-2023", [2, 3]), Row("YOUNGER 80000", [2, 3]),
        Row("OLDER 80000", [1]),
        Row("MODSEQ 3", [2, 3]), Row("EMAILID M5", [2]), Row("EMAILID X", []), Row("THREADID T2", [2]), Row("$", [3]),
        Row("UID $", [3]),
        Row("NOT SEEN FROM carl SUBJECT budget BODY time", [2]), Row("OR BODY first BODY third", [1, 3]),
    ]

    private func search(
        _ criteria: String,
        in mailbox: FakeMailbox,
        charset: String? = nil,
        octets: [UInt8]? = nil
    ) async throws -> [Int] {
        let indexes = MailboxIndexes(store: mailbox, feed: FakeFeed())
        let lease = indexes.lease(FakeMailbox.mailbox, of: FakeMailbox.account)
        let snapshot = try await lease.index.current()
        let view = MailboxView(snapshot)
        let line = octets ?? Array(criteria.utf8)
        // Texts beyond ASCII travel as literals.
        var command = Array("a SEARCH ".utf8)
        for (place, word) in line.split(separator: 32, omittingEmptySubsequences: false).enumerated() {
            if place > 0 { command.append(32) }
            command += word.contains { $0 >= 128 } ? Array("{\(word.count)}\r\n".utf8) + word : Array(word)
        }
        guard case .search(let parsed, _) = try IMAPCommandParser.parse(command, isUTF8: false).command else {
            preconditionFailure("a SEARCH")
        }
        let evaluator = try SearchEvaluator(
            view: view,
            snapshot: snapshot,
            lease: lease,
            saved: [6...6],
            charset: charset,
            now: Timestamp(seconds: Self.day + 10),
            gate: ByteGate()
        )
        return try await evaluator.run(parsed.key).compactMap { view.number(of: $0) }
    }

    @Test("RFC 9051 §6.4.4: each key finds what it names", arguments: rows)
    func keys(row: Row) async throws {
        #expect(try await search(row.criteria, in: Self.mailbox()) == row.numbers)
    }

    @Test("the strings are in the charset that is named")
    func charsets() async throws {
        let latin: [UInt8] = Array("SUBJECT gr".utf8) + [0xFC, 0xDF] + Array("e".utf8)
        #expect(try await search("", in: Self.mailbox(), charset: "ISO-8859-1", octets: latin) == [1])
        await #expect(throws: SearchFailure.unknownCharset) {
            try await search("ALL", in: Self.mailbox(), charset: "X-NONE")
        }
    }

    @Test("RFC 9051 §6.4.4: messages that the client does not know yet are not found")
    func unknownMessages() async throws {
        let mailbox = Self.mailbox()
        let indexes = MailboxIndexes(store: mailbox, feed: FakeFeed())
        let lease = indexes.lease(FakeMailbox.mailbox, of: FakeMailbox.account)
        let view = MailboxView(try await lease.index.current())
        mailbox.add()
        mailbox.remove(at: 1)
        let snapshot = try await lease.index.current(asksStore: true)
        let evaluator = try SearchEvaluator(
            view: view,
            snapshot: snapshot,
            lease: lease,
            saved: [],
            charset: nil,
            now: Timestamp(seconds: 0),
            gate: ByteGate()
        )
        #expect(try await evaluator.run(.all).compactMap { view.number(of: $0) } == [1, 3])
        #expect(try await evaluator.run(.body(Array("third".utf8))).compactMap { view.number(of: $0) } == [3])
    }

    @Test("header texts are read once and kept, for new messages too")
    func columnsAreKept() async throws {
        let mailbox = FakeMailbox()
        for number in 0..<2_500 { mailbox.add("Subject: number \(number) of many\r\n\r\n") }
        let indexes = MailboxIndexes(store: mailbox, feed: FakeFeed())
        let lease = indexes.lease(FakeMailbox.mailbox, of: FakeMailbox.account)
        func found(_ text: String) async throws -> [UInt32] {
            let snapshot = try await lease.index.current(asksStore: true)
            let evaluator = try SearchEvaluator(
                view: MailboxView(snapshot),
                snapshot: snapshot,
                lease: lease,
                saved: [],
                charset: nil,
                now: Timestamp(seconds: 0),
                gate: ByteGate()
            )
            return try await evaluator.run(.subject(Array(text.utf8)))
        }
        #expect(try await found("number 24").count == 111)
        let reads = mailbox.state.withLock { $0.contentReads }
        #expect(try await found("NUMBER 2499") == [2_500])
        #expect(mailbox.state.withLock { $0.contentReads } == reads)
        mailbox.add("Subject: number 2499 again\r\n\r\n")
        #expect(try await found("number 2499") == [2_500, 2_501])
        mailbox.remove(at: 2_499)
        #expect(try await found("number 2499") == [2_501])
    }
}
