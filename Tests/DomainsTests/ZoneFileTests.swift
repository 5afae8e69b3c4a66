import MailModel
import MailPorts
import Testing

@testable import Domains

@Suite struct ZoneFileTests {
    private func key(_ selector: String, _ algorithm: DKIMKey.Algorithm, _ publicKey: [UInt8]) -> DKIMKey {
        DKIMKey(
            domain: "shop.test",
            selector: selector,
            algorithm: algorithm,
            sealedPrivateKey: [],
            publicKey: publicKey,
            createdAt: Timestamp(seconds: 0)
        )
    }

    @Test("the whole zone file, RFC 1035 §5")
    func zone() {
        let records = DomainRecords.records(
            of: "shop.test",
            keys: [key("rsa1", .rsaSHA256, [UInt8](repeating: 0, count: 294)), key("ed1", .ed25519SHA256, [1, 2, 3])],
            host: MailHost(name: "Mail.Shop.Test.")
        )
        let zeros = String(repeating: "A", count: 392)
        let expected = """
            shop.test.\t3600\tIN\tMX\t10 mail.shop.test.
            shop.test.\t3600\tIN\tTXT\t"v=spf1 mx -all"
            mail.shop.test.\t3600\tIN\tTXT\t"v=spf1 a -all"
            ed1._domainkey.shop.test.\t3600\tIN\tTXT\t"v=DKIM1; k=ed25519; p=AQID"
            rsa1._domainkey.shop.test.\t3600\tIN\tTXT\t"v=DKIM1; k=rsa; p=\(zeros.prefix(237))" "\(zeros.dropFirst(237))"
            _dmarc.shop.test.\t3600\tIN\tTXT\t"v=DMARC1; p=quarantine; rua=mailto:postmaster@shop.test"
            _smtp._tls.shop.test.\t3600\tIN\tTXT\t"v=TLSRPTv1; rua=mailto:postmaster@shop.test"
            _submissions._tcp.shop.test.\t3600\tIN\tSRV\t0 1 465 mail.shop.test.
            _submission._tcp.shop.test.\t3600\tIN\tSRV\t10 1 587 mail.shop.test.
            _imaps._tcp.shop.test.\t3600\tIN\tSRV\t0 1 993 mail.shop.test.
            _imap._tcp.shop.test.\t3600\tIN\tSRV\t10 1 143 mail.shop.test.

            """
        #expect(ZoneFile.text(records) == expected)
    }

    @Test func `a host elsewhere publishes its own policy, and services that are off have no record`() {
        let host = MailHost(name: "mail.example.test", imapPort: nil, submissionPort: nil)
        let records = DomainRecords.records(of: "shop.test", keys: [], host: host)
        #expect(
            records.map { "\($0.name) \($0.kind.rawValue) \($0.value)" } == [
                "shop.test MX 10 mail.example.test.", "shop.test TXT v=spf1 mx -all",
                "_dmarc.shop.test TXT v=DMARC1; p=quarantine; rua=mailto:postmaster@shop.test",
                "_smtp._tls.shop.test TXT v=TLSRPTv1; rua=mailto:postmaster@shop.test",
                "_submissions._tcp.shop.test SRV 0 1 465 mail.example.test.",
                "_imaps._tcp.shop.test SRV 0 1 993 mail.example.test.",
            ]
        )
    }

    @Test(
        "a host whose name only ends alike is not of the domain",
        arguments: ["myshop.test", "shop.test"]
    )
    func alike(_ host: String) {
        let records = DomainRecords.records(of: "shop.test", keys: [], host: MailHost(name: host))
        #expect(records.count { $0.value.hasPrefix("v=spf1") } == 1)
    }

    struct Quoting: Sendable, CustomTestStringConvertible {
        var value: String
        var quoted: String
        var testDescription: String { quoted }
        init(_ value: String, _ quoted: String) { (self.value, self.quoted) = (value, quoted) }
    }

    static let quotings: [Quoting] = [
        Quoting("", "\"\""),
        Quoting("a b;c", "\"a b;c\""),
        Quoting("say \"hi\" \\o/", "\"say \\\"hi\\\" \\\\o/\""),
        // Octets, never characters: a combining mark does not hide the quote.
        Quoting("\"\u{301}", "\"\\\"\\204\\129\""),
        Quoting("\n\u{7f}", "\"\\010\\127\""),
        Quoting(String(repeating: "x", count: 255), "\"\(String(repeating: "x", count: 255))\""),
        Quoting(String(repeating: "x", count: 256), "\"\(String(repeating: "x", count: 255))\" \"x\""),
        Quoting(String(repeating: "\"", count: 256), "\"\(String(repeating: "\\\"", count: 255))\" \"\\\"\""),
    ]

    @Test("TXT strings are quoted, escaped and at most 255 octets long, RFC 1035 §3.3 and §5.1", arguments: quotings)
    func quoted(_ sample: Quoting) {
        #expect(ZoneFile.quoted(sample.value) == sample.quoted)
    }
}
