import MailModel
import MailPolicy
import MessageFormat
import Testing

@Suite("Footers") struct FooterTests {
    static let plain = DomainPolicy.Footer(text: "Shop Ltd\nTown 1")
    static let foreign = DomainPolicy.Footer(text: "Grüße aus Köln")

    private func added(_ message: String, _ footer: DomainPolicy.Footer = plain) -> String? {
        let bytes = Array(message.utf8.flatMap { $0 == 10 ? [13, 10] : [$0] })
        return FooterWriter(footer).added(to: bytes).map { String(decoding: $0, as: UTF8.self) }
    }

    private func text(_ message: String?, _ path: [Int] = [1]) -> String? {
        guard let message else { return nil }
        let parsed = ParsedMessage(parsing: Array(message.utf8))
        return parsed.part(path).map { $0.decodedText(in: parsed.bytes) }
    }

    @Test func plainTextGetsItAtItsEnd() {
        let message = added("From: a@shop.test\nSubject: x\n\nHello\n")
        #expect(message == "From: a@shop.test\r\nSubject: x\r\n\r\nHello\r\n\r\nShop Ltd\r\nTown 1\r\n")
    }

    @Test func aSecondTimeNothingIsAdded() throws {
        let first = try #require(added("Subject: x\n\nHello\n"))
        #expect(FooterWriter(Self.plain).added(to: Array(first.utf8)) == nil)
        #expect(added("Subject: Re: x\n\nYes\n\n> Hello\n>\n> Shop\u{20}\n> Ltd\n> Town 1\n") == nil)
        let html =
            "Subject: x\nContent-Type: text/html\n\n<p>Yes</p><blockquote>Shop&nbsp;Ltd<br>Town <b>1</b></blockquote>\n"
        #expect(added(html) == nil)
    }

    @Test func bothFormsOfAnAlternativeGetIt() {
        let message = added(
            """
            Content-Type: multipart/mixed; boundary=m

            --m
            Content-Type: multipart/alternative; boundary=b

            --b
            Content-Type: text/plain

            Hello
            --b
            Content-Type: text/html; charset=utf-8

            <html><body><p>Hello</p></body></html>
            --b--
            --m
            Content-Type: text/plain; name=notes.txt
            Content-Disposition: attachment; filename=notes.txt

            untouched
            --m--

            """,
            DomainPolicy.Footer(text: "Shop\nTown", html: "<b>Shop</b><script>x()</script>")
        )
        #expect(text(message, [1, 1]) == "Hello\r\n\r\nShop\r\nTown\r\n")
        #expect(
            text(message, [1, 2])
                == "<html><body><p>Hello</p><div style=\"margin-top:1em\"><b>Shop</b></div>\r\n</body></html>"
        )
        #expect(text(message, [2]) == "untouched")
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var header: String
        var body: String
        var before: String
        init(_ name: String, _ header: String, _ body: String, _ before: String) {
            (testDescription, self.header, self.body, self.before) = (name, header, body, before)
        }
    }

    @Test(arguments: [
        Row("unlabelled ASCII", "", "Hello", "Hello"),
        Row(
            "UTF-8, 8bit",
            "Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n",
            "Café",
            "Café"
        ),
        Row(
            "base64",
            "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n",
            "Q2Fmw6k=",
            "Café"
        ),
        Row(
            "quoted-printable Latin 1",
            "Content-Type: text/plain; charset=iso-8859-1; format=flowed\nContent-Transfer-Encoding: quoted-printable\n",
            "Caf=E9 =\nau lait",
            "Café au lait"
        ),
        Row(
            "koi8-r",
            "Content-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: base64\n",
            "8NLJ18XU",
            "Привет"
        ),
    ]) func everyCharsetKeepsItsText(_ row: Row) throws {
        let message = try #require(added("Subject: x\n\(row.header)\n\(row.body)\n", Self.foreign))
        let shown = try #require(text(message))
        #expect(shown.utf8.starts(with: row.before.utf8), "\(message)")
        #expect(
            shown.utf8.suffix(20).elementsEqual("Grüße aus Köln\r\n".utf8.suffix(20))
                || shown.contains("Grüße aus Köln")
        )
        if row.header.contains("flowed") { #expect(message.contains("format=\"flowed\"")) }
        // Nothing but ASCII where 8 bits were not announced.
        if !row.header.contains("8bit") { #expect(message.utf8.allSatisfy { $0 < 128 }) }
    }

    @Test(arguments: [
        "Content-Type: multipart/signed; boundary=b\n\n--b\n\nHello\n--b\nContent-Type: application/pgp-signature\n\nx\n--b--\n",
        "Content-Type: multipart/encrypted; boundary=b\n\n--b\n\nHello\n--b--\n",
        "Content-Type: application/pkcs7-mime; smime-type=signed-data\n\nabc\n",
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/signed; boundary=c\n\n--c\n\nHi\n--c--\n--b--\n",
        "Subject: x\n\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nHi\n",
        "Content-Type: multipart/report; boundary=b\n\n--b\n\nHello\n--b--\n", "Content-Type: image/png\n\nabc\n",
        "Content-Type: text/html; charset=utf-16\n\nabc\n",
        "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: x-unknown\n\nabc\n",
    ]) func whatSomebodyVouchesForIsLeftAlone(_ message: String) {
        #expect(added(message) == nil)
    }

    @Test func whatCannotBeToldInAnotherCharsetKeepsItsOwn() {
        // Not valid in the charset that it names: rewriting would lose it.
        #expect(
            added("Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: base64\n\n2AA=\n", Self.foreign)
                == nil
        )
    }

    @Test func linesStayBelowTheLimit() throws {
        let long = String(repeating: "x", count: 990)
        let message = try #require(
            added("Subject: x\n\n\(long)\n", DomainPolicy.Footer(text: String(repeating: "y", count: 2_000)))
        )
        for line in message.utf8.split(separator: 10) { #expect(line.count <= 999) }
        #expect(message.contains("Content-Transfer-Encoding: quoted-printable\r\nMIME-Version: 1.0\r\n"))
    }
}
