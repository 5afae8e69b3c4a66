import MailModel
import MailPorts
import Testing

@testable import Accounts

@Suite("Signatures") struct SignatureTests {
    private func fault(_ signature: MailSignature, in member: String = "", forDomain: Bool = false) -> AccountError? {
        do {
            _ = try SignatureRules.checked(signature, in: member, takesPlaceholders: forDomain)
            return nil
        } catch {
            return error
        }
    }

    private func member(_ error: AccountError?) -> String? {
        guard case .fieldRefused(let name, _)? = error else { return nil }
        return name
    }

    @Test func `HTML that acts does not stay, and line ends are LF`() throws {
        let given = MailSignature(text: "a\r\nb\rc\n\nd", html: "<p onclick='x()'>A<script>1</script></p>")
        let kept = try SignatureRules.checked(given)
        #expect(kept.text == "a\nb\nc\n\nd")
        #expect(kept.html == "<p>A</p>")
    }

    @Test func `what is neither, too long or has control characters is refused with its member`() {
        #expect(member(fault(MailSignature())) == "text")
        #expect(fault(MailSignature(text: "")) == nil)
        #expect(fault(MailSignature(text: String(repeating: "x", count: SignatureLimits.text))) == nil)
        let long = String(repeating: "x", count: SignatureLimits.text + 1)
        #expect(member(fault(MailSignature(text: long), in: "signature/")) == "signature/text")
        #expect(fault(MailSignature(html: String(repeating: "x", count: SignatureLimits.html))) == nil)
        #expect(member(fault(MailSignature(html: String(repeating: "x", count: SignatureLimits.html + 1)))) == "html")
        #expect(member(fault(MailSignature(text: "a\u{0}"))) == "text")
        #expect(member(fault(MailSignature(text: "a", html: "\u{1B}"))) == "html")
    }

    @Test func `a domain's signature takes the words that it knows`() {
        #expect(fault(MailSignature(text: "{name} {email} {} {A} { name } {"), forDomain: true) == nil)
        #expect(member(fault(MailSignature(text: "a", html: "<b>{phone}</b>"), forDomain: true)) == "html")
        #expect(fault(MailSignature(text: "{phone}")) == nil)
    }

    @Test func `names are text in HTML`() {
        let filled = SignatureRules.filled(
            MailSignature(text: "{name} <{email}> {name", html: "<p title=\"{name}\">{name}</p>{email}"),
            name: "<b>\"{email}\"</b>",
            email: "a&b@shop.test"
        )
        #expect(filled.text == "<b>\"{email}\"</b> <a&b@shop.test> {name")
        let name = "&lt;b&gt;&quot;{email}&quot;&lt;/b&gt;"
        #expect(filled.html == "<p title=\"\(name)\">\(name)</p>a&amp;b@shop.test")
    }

    @Test func `the form that is missing is made of the other`() {
        let (text, html) = SignatureRules.whole(MailSignature(html: "<p>Ann</p><p>A &amp; B</p>"))
        #expect(text == "Ann\nA & B" && html == "<p>Ann</p><p>A &amp; B</p>")
        #expect(SignatureRules.whole(MailSignature(text: "A & B\nc")).html == "A &amp; B<br>\r\nc")
        #expect(SignatureRules.whole(MailSignature(text: "", html: "<b>x</b>")).text.isEmpty)
    }

    @Test func `HTML of which nothing is left is refused, a picture alone is not`() {
        #expect(member(fault(MailSignature(html: "<svg><p>a</p></svg>"), in: "signature/")) == "signature/html")
        #expect(member(fault(MailSignature(text: "a", html: "<script>x</script>"))) == "html")
        #expect(fault(MailSignature(html: "<img src=\"https://shop.test/logo.png\">")) == nil)
        #expect(fault(MailSignature(html: "")) == nil)
    }

    @Test func `who has no name is called by the address`() {
        let filled = SignatureRules.filled(MailSignature(text: "{name}"), name: "", email: "a@shop.test")
        #expect(filled.text == "a@shop.test")
    }
}
