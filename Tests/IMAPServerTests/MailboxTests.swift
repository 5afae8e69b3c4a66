import Testing

@Suite(.timeLimit(.minutes(2))) struct MailboxTests {
    @Test("RFC 9051 §6.3.9: LIST, its options and names that are only above others")
    func listing() async throws {
        try await IMAPHouse.run { house in
            let client = try await house.signIn()
            #expect(try await client.ok("LIST \"\" \"\"") == ["* LIST (\\Noselect) \"/\" \"\""])
            #expect(try await client.ok("LIST \"\" *").first == "* LIST (\\HasNoChildren) \"/\" \"INBOX\"")
            #expect(try await client.ok("LIST (SPECIAL-USE) \"\" *").count == 5)
            #expect(try await client.ok("LIST \"\" sent").isEmpty)
            #expect(try await client.ok("LIST \"\" Sent") == ["* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\""])
            _ = try await client.ok("CREATE a/b/c")
            _ = try await client.ok("DELETE a/b")
            #expect(try await client.ok("LIST \"\" a/%") == ["* LIST (\\Noselect \\HasChildren) \"/\" \"a/b\""])
            #expect(try await client.ok("LIST a/ b/%") == ["* LIST (\\HasNoChildren) \"/\" \"a/b/c\""])
            #expect(try await client.code("SELECT a/b") == "NO NONEXISTENT")
            _ = try await client.ok("SUBSCRIBE a/b/c")
            _ = try await client.ok("SUBSCRIBE gone")
            #expect(
                try await client.ok("LIST (SUBSCRIBED) \"\" (a* g*)") == [
                    "* LIST (\\HasNoChildren \\Subscribed) \"/\" \"a/b/c\"",
                    "* LIST (\\NonExistent \\HasNoChildren \\Subscribed) \"/\" \"gone\"",
                ]
            )
            #expect(
                try await client.ok("LIST (SUBSCRIBED RECURSIVEMATCH) \"\" a") == [
                    "* LIST (\\HasChildren) \"/\" \"a\" (\"CHILDINFO\" (\"SUBSCRIBED\"))"
                ]
            )
            #expect(try await client.ok("LSUB \"\" a/%") == ["* LSUB (\\Noselect) \"/\" \"a/b\""])
            #expect(
                try await client.ok("LIST \"\" INBOX RETURN (STATUS (MESSAGES))") == [
                    "* LIST (\\HasNoChildren) \"/\" \"INBOX\"", "* STATUS \"INBOX\" (MESSAGES 0)",
                ]
            )
        }
    }

    @Test("RFC 9051 §6.3.4 to §6.3.6: CREATE, DELETE, RENAME")
    func changing() async throws {
        try await IMAPHouse.run { house in
            let client = try await house.signIn()
            _ = try await client.ok("CREATE top/")
            #expect(try await client.code("CREATE top") == "NO ALREADYEXISTS")
            #expect(try await client.code("CREATE inbox") == "NO ALREADYEXISTS")
            #expect(try await client.code("CREATE other (USE (\\Sent))") == "NO USEATTR")
            #expect(try await client.code("CREATE important (USE (\\Important))") == "OK")
            #expect(try await client.code("DELETE INBOX") == "NO CANNOT")
            #expect(try await client.code("DELETE none") == "NO NONEXISTENT")
            #expect(try await client.code("RENAME top Sent") == "NO ALREADYEXISTS")
            _ = try await client.append("Subject: x\r\n\r\n")
            _ = try await client.ok("CREATE INBOX/below")
            _ = try await client.ok("RENAME INBOX old")
            #expect(try await client.ok("STATUS old (MESSAGES)") == ["* STATUS \"old\" (MESSAGES 1)"])
            #expect(try await client.ok("STATUS INBOX (MESSAGES)") == ["* STATUS \"INBOX\" (MESSAGES 0)"])
            #expect(try await client.ok("LIST \"\" INBOX/*").count == 1)
            _ = try await client.ok("SELECT old")
            let deleted = try await client.command("DELETE old")
            #expect(deleted.untagged.first?.hasPrefix("* OK [CLOSED]") == true && deleted.tagged.hasPrefix("OK"))
            #expect(try await client.command("FETCH 1 FLAGS").tagged.hasPrefix("BAD"))
            _ = try await client.ok("CREATE &AOk-t&AOk-")
            #expect(try await client.ok("LIST \"\" &AOk-*") == ["* LIST (\\HasNoChildren) \"/\" \"&AOk-t&AOk-\""])
            _ = try await client.ok("ENABLE UTF8=ACCEPT")
            #expect(try await client.ok("LIST \"\" \"ét*\"") == ["* LIST (\\HasNoChildren) \"/\" \"été\""])
        }
    }

    @Test("a mailbox that is deleted under a session ends it")
    func deletedElsewhere() async throws {
        try await IMAPHouse.run { house in
            let client = try await house.signIn()
            let other = try await house.signIn()
            _ = try await client.ok("CREATE doomed")
            _ = try await client.ok("SELECT doomed")
            _ = try await other.ok("DELETE doomed")
            try await client.send("n NOOP\r\n")
            #expect(try await client.line().hasPrefix("* BYE"))
            #expect(try await client.lineOrEnd() == nil)
        }
    }
}
