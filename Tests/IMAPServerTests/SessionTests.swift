import Testing

/// Sessions over a real socket, the real store behind them.
@Suite(.timeLimit(.minutes(2))) struct SessionTests {
    static let mail = "From: Ann Example <ann@elsewhere.test>\r\nSubject: one\r\n\r\nThe text\r\n"

    private func filled(_ house: IMAPHouse, _ count: Int = 3) async throws -> IMAPClient {
        let client = try await house.signIn()
        for number in 1...count {
            #expect(try await client.append(Self.mail.replacing("one", with: "m\(number)")).hasPrefix("OK [APPENDUID "))
        }
        return client
    }

    @Test("RFC 9051 §6.3.2: what SELECT says")
    func selecting() async throws {
        try await IMAPHouse.run { house in
            let client = try await filled(house)
            let answer = try await client.command("SELECT inbox")
            #expect(answer.tagged.hasPrefix("OK [READ-WRITE]"))
            for wanted in ["* 3 EXISTS", "* 0 RECENT", "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)"] {
                #expect(answer.untagged.contains(wanted))
            }
            for code in [
                "[PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)]", "[UIDNEXT 4]", "[UIDVALIDITY ",
                "[UNSEEN 1]",
            ] {
                #expect(answer.untagged.contains { $0.hasPrefix("* OK \(code)") })
            }
            #expect(try await client.code("EXAMINE INBOX") == "OK READ-ONLY")
            #expect(try await client.code("STORE 1 +FLAGS (\\Seen)") == "NO CANNOT")
            #expect(try await client.code("SELECT nothing") == "NO NONEXISTENT")
            #expect(try await client.command("FETCH 1 FLAGS").tagged.hasPrefix("BAD"))
            _ = try await client.ok("ENABLE IMAP4rev2")
            #expect(try await client.ok("SELECT INBOX").contains("* LIST () \"/\" \"INBOX\""))
            #expect(try await client.ok("SELECT INBOX").first?.hasPrefix("* OK [CLOSED]") == true)
        }
    }

    @Test("RFC 9051 §6.4.5: items and sections")
    func fetching() async throws {
        try await IMAPHouse.run { house in
            let client = try await filled(house, 2)
            _ = try await client.ok("SELECT INBOX")
            #expect(
                try await client.ok("FETCH 1:* (FLAGS UID)") == [
                    "* 1 FETCH (FLAGS () UID 1)", "* 2 FETCH (FLAGS () UID 2)",
                ]
            )
            #expect(try await client.ok("UID FETCH 2 (RFC822.SIZE)") == ["* 2 FETCH (UID 2 RFC822.SIZE 65)"])
            #expect(
                try await client.ok("FETCH 1 BODY.PEEK[HEADER.FIELDS (subject)]") == [
                    "* 1 FETCH (BODY[HEADER.FIELDS (subject)] {15}\r\nSubject: m1\r\n\r\n)"
                ]
            )
            #expect(try await client.ok("FETCH 1 BODY.PEEK[TEXT]<4.2>") == ["* 1 FETCH (BODY[TEXT]<4> {2}\r\nte)"])
            #expect(
                try await client.ok("FETCH 1 BODY[1]") == ["* 1 FETCH (BODY[1] {10}\r\nThe text\r\n FLAGS (\\Seen))"]
            )
            #expect(try await client.ok("FETCH 1 (RFC822.TEXT)") == ["* 1 FETCH (RFC822.TEXT {10}\r\nThe text\r\n)"])
            #expect(try await client.ok("FETCH 2 BODY.PEEK[3]") == ["* 2 FETCH (BODY[3] NIL)"])
            #expect(
                try await client.ok("FETCH 2 (BINARY.SIZE[1] BINARY.PEEK[1])") == [
                    "* 2 FETCH (BINARY.SIZE[1] 10 BINARY[1] {10}\r\nThe text\r\n)"
                ]
            )
            #expect(try await client.ok("FETCH 2 (FLAGS PREVIEW)") == ["* 2 FETCH (FLAGS () PREVIEW \"The text\")"])
            let all = try await client.ok("FETCH 2 FULL")
            #expect(
                all.count == 1 && all[0].contains("ENVELOPE (NIL \"m2\" ")
                    && all[0].contains("BODY (\"text\" \"plain\"")
            )
            #expect(try await client.command("FETCH 7 FLAGS").tagged.hasPrefix("BAD"))
            #expect(try await client.ok("UID FETCH 7:9 FLAGS") == [])
        }
    }

    @Test("RFC 9051 §5.5, §7.5.1: no EXPUNGE is told while FETCH, STORE or SEARCH is answered")
    func heldBackExpunges() async throws {
        try await IMAPHouse.run { house in
            let client = try await filled(house)
            let other = try await house.signIn()
            _ = try await client.ok("SELECT INBOX")
            _ = try await other.ok("SELECT INBOX")
            _ = try await other.ok("UID STORE 1 +FLAGS.SILENT (\\Deleted)")
            #expect(try await other.ok("EXPUNGE") == ["* 1 EXPUNGE"])
            #expect(try await client.command("FETCH 1:3 UID").untagged == ["* 2 FETCH (UID 2)", "* 3 FETCH (UID 3)"])
            #expect(try await client.code("FETCH 1 UID") == "NO EXPUNGEISSUED")
            #expect(try await client.ok("SEARCH ALL") == ["* SEARCH 2 3"])
            #expect(try await client.ok("STORE 3 +FLAGS (\\Flagged)") == ["* 3 FETCH (FLAGS (\\Flagged))"])
            #expect(
                try await other.ok("APPEND INBOX {\(Self.mail.utf8.count)+}\r\n\(Self.mail)") == [
                    "* 3 EXISTS", "* 0 RECENT", "* 2 FETCH (FLAGS (\\Flagged) UID 3)",
                ]
            )
            #expect(try await client.ok("FETCH 2 UID") == ["* 2 FETCH (UID 2)", "* 4 EXISTS", "* 0 RECENT"])
            #expect(try await client.ok("NOOP") == ["* 1 EXPUNGE"])
            #expect(
                try await client.ok("FETCH 1:* UID") == ["* 1 FETCH (UID 2)", "* 2 FETCH (UID 3)", "* 3 FETCH (UID 4)"]
            )
        }
    }

    @Test("RFC 9051 §6.4.6: STORE and its answers")
    func storing() async throws {
        try await IMAPHouse.run { house in
            let client = try await filled(house)
            _ = try await client.ok("SELECT INBOX")
            #expect(
                try await client.ok("STORE 1:2 +FLAGS (\\Seen $Work)") == [
                    "* 1 FETCH (FLAGS (\\Seen $Work))", "* 2 FETCH (FLAGS (\\Seen $Work))",
                ]
            )
            #expect(try await client.ok("STORE 1 -FLAGS.SILENT (\\Seen)") == [])
            #expect(try await client.ok("UID STORE 1 FLAGS \\Draft") == ["* 1 FETCH (UID 1 FLAGS (\\Draft))"])
            #expect(try await client.ok("NOOP") == [])
            #expect(
                try await client.ok("FETCH 1:3 FLAGS") == [
                    "* 1 FETCH (FLAGS (\\Draft))", "* 2 FETCH (FLAGS (\\Seen $Work))", "* 3 FETCH (FLAGS ())",
                ]
            )
            #expect(try await client.code("STORE 2 (UNCHANGEDSINCE 1) +FLAGS (\\Flagged)") == "OK MODIFIED 2")
        }
    }

    @Test("RFC 9051 §6.4.7, §6.4.8: COPYUID, MOVE, TRYCREATE")
    func transferring() async throws {
        try await IMAPHouse.run { house in
            let client = try await filled(house)
            _ = try await client.ok("SELECT INBOX")
            #expect(try await client.code("COPY 1 New") == "NO TRYCREATE")
            _ = try await client.ok("CREATE New/Below")
            let copied = try await client.code("COPY 1,3 New/Below")
            #expect(copied.hasPrefix("OK COPYUID ") && copied.hasSuffix(" 1,3 1:2"))
            let moved = try await client.ok("MOVE 2 New")
            #expect(moved.count == 2 && moved[0].contains("[COPYUID ") && moved[1] == "* 2 EXPUNGE")
            #expect(
                try await client.ok("STATUS New/Below (MESSAGES UIDNEXT UNSEEN SIZE)") == [
                    "* STATUS \"New/Below\" (MESSAGES 2 UIDNEXT 3 UNSEEN 2 SIZE 130)"
                ]
            )
            _ = try await client.ok("STORE 1:2 +FLAGS.SILENT (\\Deleted)")
            #expect(try await client.ok("UID EXPUNGE 3") == ["* 2 EXPUNGE"])
            _ = try await client.ok("CLOSE")
            #expect(try await client.ok("STATUS INBOX (MESSAGES)") == ["* STATUS \"INBOX\" (MESSAGES 0)"])
        }
    }

    @Test("RFC 9051 §6.4.4, RFC 5182: ESEARCH and the saved result")
    func searching() async throws {
        try await IMAPHouse.run { house in
            let client = try await filled(house, 4)
            _ = try await client.ok("SELECT INBOX")
            #expect(
                try await client.ok("SEARCH RETURN (MIN MAX COUNT ALL) 2:4") == [
                    "* ESEARCH (TAG \"t7\") MIN 2 MAX 4 COUNT 3 ALL 2:4"
                ]
            )
            #expect(try await client.ok("UID SEARCH RETURN () SUBJECT m2") == ["* ESEARCH (TAG \"t8\") UID ALL 2"])
            #expect(try await client.ok("SEARCH RETURN (SAVE) OR SUBJECT m1 SUBJECT m4") == [])
            #expect(try await client.ok("FETCH $ UID") == ["* 1 FETCH (UID 1)", "* 4 FETCH (UID 4)"])
            #expect(try await client.ok("SEARCH NOT $") == ["* SEARCH 2 3"])
            #expect(try await client.code("SEARCH CHARSET X-NONE ALL") == "NO BADCHARSET (US-ASCII UTF-8)")
            #expect(try await client.ok("SEARCH SUBJECT nothing") == ["* SEARCH"])
            _ = try await client.ok("ENABLE IMAP4rev2")
            #expect(try await client.ok("SEARCH SEEN") == ["* ESEARCH (TAG \"t15\")"])
        }
    }

    @Test("RFC 9051 §6.3.13: an IDLE client hears at once")
    func idling() async throws {
        try await IMAPHouse.run { house in
            let client = try await house.signIn()
            let other = try await house.signIn()
            _ = try await client.ok("SELECT INBOX")
            try await client.send("i IDLE\r\n")
            #expect(try await client.line() == "+ idling")
            _ = try await other.append(Self.mail)
            #expect(try await client.line() == "* 1 EXISTS")
            #expect(try await client.line() == "* 0 RECENT")
            _ = try await other.ok("SELECT INBOX")
            _ = try await other.ok("STORE 1 +FLAGS (\\Flagged)")
            #expect(try await client.line() == "* 1 FETCH (FLAGS (\\Flagged) UID 1)")
            try await client.send("done\r\nn NOOP\r\n")
            #expect(try await client.answer("i").tagged.hasPrefix("OK"))
            #expect(try await client.answer("n").tagged.hasPrefix("OK"))
        }
    }

    @Test("pipelined APPENDs are all stored, in order, each answered")
    func pipelinedAppends() async throws {
        try await IMAPHouse.run { house in
            let client = try await house.signIn()
            var text = ""
            for number in 0..<200 {
                let name = number == 150 ? "Nowhere" : number % 50 == 49 ? "Sent" : "INBOX"
                let message = Self.mail + "\(number)"
                text += "a\(number) APPEND \(name) {\(message.utf8.count)+}\r\n\(message)\r\n"
            }
            try await client.send(text + "z NOOP\r\n")
            for number in 0..<200 {
                let tagged = try await client.answer("a\(number)").tagged
                #expect(tagged.hasPrefix(number == 150 ? "NO [TRYCREATE]" : "OK [APPENDUID "))
            }
            #expect(try await client.answer("z").tagged.hasPrefix("OK"))
            _ = try await client.ok("SELECT INBOX")
            let last = try await client.ok("FETCH * BODY.PEEK[TEXT]")
            #expect(last == ["* 195 FETCH (BODY[TEXT] {13}\r\nThe text\r\n199)".replacing("199", with: "198")])
        }
    }
}
