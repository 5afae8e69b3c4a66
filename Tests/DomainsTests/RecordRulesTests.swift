import MailPorts
import Testing

@testable import Domains

@Suite struct RecordRulesTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String { "\(record.purpose.rawValue): \(values)" }
        var record: DomainRecord
        var values: [String]
        var status: RecordStatus
        init(_ record: DomainRecord, _ values: [String], _ status: RecordStatus) {
            (self.record, self.values, self.status) = (record, values, status)
        }
    }

    static let mx = DomainRecord(name: "shop.test", kind: .mx, purpose: .mx, value: "10 mail.host.test.")
    static let spf = DomainRecord(name: "shop.test", kind: .txt, purpose: .spf, value: "v=spf1 mx -all")
    static let dkim = DomainRecord(
        name: "s._domainkey.shop.test",
        kind: .txt,
        purpose: .dkim,
        value: "v=DKIM1; k=rsa; p=AAEC"
    )
    static let dmarc = DomainRecord(
        name: "_dmarc.shop.test",
        kind: .txt,
        purpose: .dmarc,
        value: "v=DMARC1; p=quarantine"
    )
    static let srv = DomainRecord(
        name: "_imaps._tcp.shop.test",
        kind: .srv,
        purpose: .service,
        value: "0 1 993 mail.host.test."
    )

    static let rows: [Row] = [
        Row(mx, [], .missing), Row(mx, ["10 mail.host.test."], .ok), Row(mx, ["5 MAIL.host.test."], .ok),
        Row(mx, ["10 mx.other.test."], .differs), Row(mx, ["10 mail.host.test.", "20 mx.other.test."], .differs),
        Row(spf, [], .missing), Row(spf, ["google-site-verification=x"], .missing), Row(spf, ["v=spf1 mx -all"], .ok),
        Row(spf, ["other", "V=SPF1 include:news.test +MX ~all"], .ok), Row(spf, ["v=spf1 -all"], .differs),
        Row(spf, ["v=spf1 mx -all", "v=spf1 mx -all"], .differs), Row(spf, ["v=spf1 amx -all"], .differs),
        Row(spf, ["v=spf1 -mx -all"], .differs),
        Row(dkim, [], .missing), Row(dkim, ["v=DKIM1; k=rsa; p=AAEC"], .ok), Row(dkim, ["k=rsa;p=AA EC"], .ok),
        Row(dkim, ["v=DKIM1; k=rsa; p=AAED"], .differs), Row(dkim, ["v=DKIM1; p="], .differs),
        Row(dkim, ["v=DKIM1; k=ed25519; p=AAEC"], .differs), Row(dkim, ["v=DKIM1; k=rsa; p=AAEC", "x"], .differs),
        Row(dmarc, [], .missing), Row(dmarc, ["v=DMARC1; p=reject; rua=mailto:x@y.test"], .ok),
        Row(dmarc, ["v=DMARC1"], .differs),
        Row(dmarc, ["v=DMARC1;p=none", "v=DMARC1;p=none"], .differs), Row(dmarc, ["v=spf1 p=none"], .missing),
        Row(srv, [], .missing), Row(srv, ["0 1 993 Mail.Host.test."], .ok),
        Row(srv, ["0 1 994 mail.host.test."], .differs),
    ]

    @Test(arguments: rows) func `what is published is compared by its meaning`(_ row: Row) {
        let verdict = RecordRules.compare(row.record, row.values)
        #expect(verdict.status == row.status)
        // Whoever must do something reads what, with the record.
        #expect(verdict.status == .ok ? verdict.advice == "Nothing is to be done." : verdict.advice.utf8.count > 20)
        if row.values.isEmpty { #expect(verdict.advice.contains(row.record.value) && verdict.found.isEmpty) }
    }
}
