import MessageFormat
import Testing

@Suite struct AddressListTests {
    struct Row: CustomTestStringConvertible {
        var text: String
        /// `name|route|mailbox|host`, `-` for nil.
        var addresses: [String]
        init(_ text: String, _ addresses: String...) { (self.text, self.addresses) = (text, addresses) }
        var testDescription: String { text }
    }

    static let rows: [Row] = [
        // RFC 5322 appendix A.
        Row("John Doe <jdoe@machine.example>", "John Doe|-|jdoe|machine.example"),
        Row("\"Joe Q. Public\" <john.q.public@example.com>", "Joe Q. Public|-|john.q.public|example.com"),
        Row(
            "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
            "Mary Smith|-|mary|x.test",
            "-|-|jdoe|example.org",
            "Who?|-|one|y.test"
        ),
        Row(
            "<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
            "-|-|boss|nil.test",
            "Giant; \"Big\" Box|-|sysservices|example.net"
        ),
        Row(
            "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
            "-|-|A Group|-",
            "Ed Jones|-|c|a.test",
            "-|-|joe|where.test",
            "John|-|jdoe|one.test",
            "-|-|-|-"
        ),
        Row("Undisclosed recipients:;", "-|-|Undisclosed recipients|-", "-|-|-|-"),
        Row("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "Pete|-|pete|silly.test"),
        Row(
            "A Group(Some people)\r\n :Chris Jones <c@(Chris's host.)public.example>,\r\n joe@example.org;",
            "-|-|A Group|-",
            "Chris Jones|-|c|public.example",
            "-|-|joe|example.org",
            "-|-|-|-"
        ),
        Row("Joe Q. Public <john.q.public@example.com>", "Joe Q. Public|-|john.q.public|example.com"),
        Row(
            "Mary Smith <@node.test,@b.test:mary@example.net>, , jdoe@test . example",
            "Mary Smith|@node.test,@b.test|mary|example.net",
            "-|-|jdoe|test.example"
        ),
        // Comments as names, literals, quoted local parts.
        Row("jdoe@example.org (John Doe)", "John Doe|-|jdoe|example.org"),
        Row("jdoe@[192.0.2.1]", "-|-|jdoe|[192.0.2.1]"),
        Row("jdoe@[IPv6:2001:db8::1]", "-|-|jdoe|[IPv6:2001:db8::1]"),
        Row("\"john doe\"@example.org", "-|-|john doe|example.org"),
        Row("\"a@b\" <c@d.test>", "a@b|-|c|d.test"),
        // UTF-8 (RFC 6532) and encoded words untouched.
        Row("Jörg <jörg@exämple.test>", "Jörg|-|jörg|exämple.test"),
        Row("=?utf-8?q?J=C3=B6rg?= <j@example.test>", "=?utf-8?q?J=C3=B6rg?=|-|j|example.test"),
        // What people write.
        Row("a@example.test <b@example.test>", "a@example.test|-|b|example.test"),
        Row("a@example.test; b@example.test", "-|-|a|example.test", "-|-|b|example.test"),
        Row("<a@example.test", "-|-|a|example.test"),
        Row("a@example.test>", "-|-|a|example.test"),
        Row("\"open quote <a@example.test>", "open quote <a@example.test>|-||"),
        Row("root", "-|-|root|"),
        Row("<>", "-|-||"),
        Row("Two Words", "Two Words|-||"),
        Row(""),
        Row(" , ,, "),
        Row("(only a comment)"),
        Row(")))((("),
    ]

    @Test(arguments: rows) func `Reads lists as people write them`(row: Row) {
        let found = AddressList.parse(Array(row.text.utf8)).map { address in
            [address.name, address.route, address.mailbox, address.host]
                .map { $0.map { String(decoding: $0, as: UTF8.self) } ?? "-" }.joined(separator: "|")
        }
        #expect(found == row.addresses)
    }

    @Test func `Stops at the limit`() {
        var limits = ParseLimits()
        limits.addresses = 3
        #expect(AddressList.parse(Array("a@b,a@b,a@b,a@b,a@b".utf8), limits: limits).count == 3)
    }

    @Test func `addrSpec is the address of real addresses only`() {
        #expect(MessageAddress(mailbox: Array("a".utf8), host: Array("b.test".utf8)).addrSpec == "a@b.test")
        #expect(MessageAddress(mailbox: Array("group".utf8)).addrSpec == nil)
        #expect(MessageAddress(mailbox: Array("a".utf8), host: []).addrSpec == nil)
    }
}
