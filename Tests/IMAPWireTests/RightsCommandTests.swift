import IMAPWire
import MailModel
import Testing

/// RFC 4314 §2.1, §3.1.
@Suite struct RightsCommandTests {
    private func read(_ text: String) throws -> RightsCommand? {
        guard case .setACL(_, let command) = try parse("a SETACL INBOX \(text)").command else { return nil }
        return command
    }

    @Test func `Rights are replaced, added and removed`() throws {
        let replaced = try #require(try read("ann@shop.test lrs"))
        #expect(replaced.identifier == "ann@shop.test" && replaced.mode == .replace)
        #expect(replaced.rights == [.lookup, .read, .seen])
        #expect(try #require(try read("anyone +w")).mode == .add)
        #expect(try #require(try read("anyone {2+}\r\n-w")).mode == .remove)
        // RFC 4314 §3.1: no rights at all are rights too.
        #expect(try #require(try read("anyone \"\"")).rights.isEmpty)
    }

    @Test func `The rights of RFC 2086 stand for newer ones`() throws {
        #expect(try #require(try read("x cd")).rights == [.createChild, .delete, .deleteMessages, .expunge])
        #expect(MailboxRights.all.withVirtualRights == "lrswipkxteacd")
        #expect(MailboxRights([.lookup, .expunge]).withVirtualRights == "led")
        #expect(MailboxRights([.lookup, .read]).withVirtualRights == "lr")
        #expect(MailboxRights([]).withVirtualRights == "")
        #expect(MailboxRights.all.description == "lrswipkxtea")
    }

    @Test(arguments: ["x L", "x lrz", "x 1", "x ++l", "x l r", "x +-l", "\"\" l", "x", "x\u{301}", "x l\u{301}"])
    func `What is no right or no identifier is BAD`(_ text: String) {
        #expect(throws: IMAPParseError.self) { try parse("a SETACL INBOX \(text)") }
    }

    @Test func `Identifiers are bounded and without control characters`() throws {
        let longest = String(repeating: "x", count: 320)
        #expect(try parse("a DELETEACL INBOX \(longest)").command.name == "DELETEACL")
        for bad in ["\(longest)x", "\"a\u{1}b\"", "{3}\r\na\r\nb"] {
            #expect(throws: IMAPParseError.self) { try parse("a DELETEACL INBOX \(bad)") }
        }
    }

    @Test func `RFC 8440 LIST returns rights`() throws {
        guard case .list(let command) = try parse("a LIST \"\" % RETURN (MYRIGHTS)").command else { return }
        #expect(command.returnsMyRights)
    }
}
