import MailModel
import MessageFormat
import Testing

@Suite struct PlatformMessageTests {
    private func message(subject: String = "x", text: String = "x") -> String {
        let bytes = PlatformMessage(
            id: QueueID(time: Timestamp(seconds: 0), random: 1),
            hostname: "mail.example.test",
            domain: "shop.test",
            recipients: [EmailAddress(uncheckedLocalPart: "ann", domain: "elsewhere.test")],
            subject: subject,
            text: text
        ).bytes(at: Timestamp(seconds: 1_700_000_000))
        return String(decoding: bytes, as: UTF8.self)
    }

    private func lines(_ text: String) -> [String] {
        text.utf8.split(separator: 10, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(arguments: [
        "a\r\nBcc: eve@evil.test", "a\nBcc: eve@evil.test", "a\rBcc: eve@evil.test",
        "a\r\u{301}\n\u{301}Bcc: eve@evil.test",
        "ü\r\n\r\nBcc: eve@evil.test", "=?utf-8?B?DQpCY2M6IGV2ZUBldmlsLnRlc3Q=?=",
        String(repeating: "a\r\n", count: 200),
    ])
    func noSubjectAddsAField(_ subject: String) {
        let made = message(subject: subject)
        let head = made.utf8.split(separator: 13).map { String(decoding: $0.drop { $0 == 10 }, as: UTF8.self) }
        let names = head.prefix { $0 != "" }.compactMap { line -> String? in
            guard line.utf8.first != 32, line.utf8.first != 9 else { return nil }
            return line.utf8.firstIndex(of: 58).map { String(decoding: line.utf8[..<$0], as: UTF8.self) }
        }
        #expect(
            names == [
                "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
                "Content-Transfer-Encoding",
            ]
        )
        // Every line end is CR LF, and no other CR or LF is there.
        let bytes = Array(made.utf8)
        for (place, byte) in bytes.enumerated() {
            if byte == 13 { #expect(bytes[place + 1] == 10) }
            if byte == 10 { #expect(bytes[place - 1] == 13) }
        }
        #expect(lines(made).allSatisfy { $0.utf8.count <= 200 })
    }

    @Test func otherTextThanASCIIIsEncodedAndReadsTheSame() throws {
        let subject = String(repeating: "Grüße \u{1F4EC} ", count: 12)
        let bytes = Array(message(subject: subject, text: "Größe\r\n" + String(repeating: "z", count: 3_000)).utf8)
        #expect(bytes.allSatisfy { $0 < 128 })
        #expect(MessageSummary(parsing: bytes).subject == subject)
        #expect(message(text: "a\nb").hasSuffix("\r\n\r\na\r\nb\r\n"))
        #expect(message(text: "a\nb").contains("Content-Transfer-Encoding: 7bit"))
    }
}
