import MailModel
import MailPolicy
import Testing

@Suite("Rules for attachments") struct ContentRulesTests {
    private func rules(_ change: (inout DomainPolicy.AttachmentRules) -> Void) -> ContentRules {
        var policy = DomainPolicy()
        var rules = DomainPolicy.AttachmentRules()
        change(&rules)
        policy.attachments = rules
        return ContentRules(policy, .incoming)
    }

    private func message(_ header: String) -> [UInt8] {
        Array(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n--b\r\n\(header)\r\n\r\nabc\r\n--b--\r\n"
                .utf8
        )
    }

    @Test(arguments: [
        "Content-Disposition: attachment; filename=run.EXE", "Content-Type: application/octet-stream; name=\"a.exe\"",
        "Content-Disposition: attachment; filename=\"a.exe. .\"",
        "Content-Disposition: attachment; filename*=utf-8''a%2Eexe",
        "Content-Disposition: attachment; filename*0=\"a.e\"; filename*1=xe",
        "Content-Disposition: attachment; filename=\"=?utf-8?B?YS5leGU=?=\"",
        "Content-Type: application/x; name=\"a\u{301}.exe\"",
        "Content-Disposition: attachment; filename=a.txt\r\nContent-Type: x/y; name=a.exe",
    ]) func aFileIsKnownByItsExtension(_ header: String) {
        let refusal = rules { $0.extensions = ["exe"] }.refusal(of: message(header))
        guard case .attachment? = refusal else { return #expect(Bool(false), "\(header)") }
    }

    @Test(arguments: [
        "Content-Disposition: attachment; filename=exe", "Content-Disposition: attachment; filename=a.exe.txt",
        "Content-Type: text/plain",
    ]) func othersPass(_ header: String) {
        #expect(rules { $0.extensions = ["exe"] }.refusal(of: message(header)) == nil)
    }

    @Test func namesAndTypesHavePatterns() {
        let header = "Content-Type: application/zip; name=Invoice-2026.pdf.zip"
        #expect(rules { $0.names = ["invoice*.zip"] }.refusal(of: message(header)) != nil)
        #expect(rules { $0.names = ["*.pdf"] }.refusal(of: message(header)) == nil)
        #expect(rules { $0.types = ["application/*"] }.refusal(of: message(header)) != nil)
        #expect(rules { $0.types = ["application/pdf"] }.refusal(of: message(header)) == nil)
    }

    @Test func nestingHidesNothing() {
        let inner =
            "Content-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n"
            + "Content-Disposition: attachment; filename=a.exe\r\n\r\nx\r\n--c--"
        #expect(rules { $0.extensions = ["exe"] }.refusal(of: message(inner)) == .attachment(name: "a.exe"))
    }

    @Test func rulesOfOtherMailDoNotCount() {
        var policy = DomainPolicy()
        var rules = DomainPolicy.AttachmentRules()
        (rules.extensions, rules.direction) = (["exe"], .outgoing)
        policy.attachments = rules
        #expect(ContentRules(policy, .incoming) == ContentRules())
        #expect(ContentRules(policy, .outgoing) != ContentRules())
    }

    @Test func aCauseIsOneLineOfASCII() {
        let cause = PolicyRefusal.attachment(name: "a\r\n\u{301}\".exe").cause
        #expect(cause.utf8.allSatisfy { (32...126).contains($0) })
    }
}
