import MailModel
import MessageFormat
import Testing

@Suite struct MessageSummaryTests {
    private func summary(_ text: String) -> MessageSummary { MessageSummary(parsing: SectionTests.crlf(text)) }

    @Test func `Knows what lists, search and threads need`() {
        let summary = summary(
            """
            From: =?utf-8?q?J=C3=B6rg?= <joerg@example.test>
            To: "Sales, Team" <sales@example.test>, info@example.test
            Cc: Group: a@example.test;
            Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
             und mehr
            Date: Fri, 21 Nov 1997 09:55:06 -0600
            Message-ID:
             <1@example.test> (comment)
            In-Reply-To: <3@example.test>
            References: <2@example.test> junk <3@example.test>

            Hello   there,
            reader.
            """
        )
        #expect(summary.subject == "Grüße und mehr")
        #expect(summary.from == "Jörg <joerg@example.test>")
        #expect(summary.to == "Sales, Team <sales@example.test>, info@example.test")
        #expect(summary.cc == "Group, a@example.test")
        #expect(summary.bcc == "")
        #expect(summary.messageID == "1@example.test")
        #expect(summary.references == ["2@example.test", "3@example.test"])
        #expect(summary.sentAt == Timestamp(seconds: 880_127_706))
        #expect(summary.preview == "Hello there, reader.")
        #expect(!summary.hasAttachment)
        #expect(String(decoding: summary.envelope, as: UTF8.self).hasPrefix("(\"Fri, 21 Nov 1997 09:55:06 -0600\" "))
    }

    @Test func `An empty message has an envelope of nothing`() {
        let summary = MessageSummary(parsing: [])
        #expect(String(decoding: summary.envelope, as: UTF8.self) == "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)")
        #expect(
            String(decoding: summary.bodyStructure, as: UTF8.self)
                == "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0 NIL NIL NIL NIL)"
        )
        #expect(summary.headerSize == 0)
    }

    @Test func `Texts are cut between scalars`() {
        let summary = summary(
            "Subject: x\(String(repeating: "é", count: 3_000))\n\n\(String(repeating: "漢", count: 500))"
        )
        #expect(summary.subject.utf8.count <= MessageSummary.textLimit)
        #expect(summary.subject.hasSuffix("é"))
        #expect(summary.preview.utf8.count <= 256)
        #expect(summary.preview.hasSuffix("漢"))
    }

    struct Identifiers: CustomTestStringConvertible {
        var text: String
        var found: [String]
        init(_ text: String, _ found: String...) { (self.text, self.found) = (text, found) }
        var testDescription: String { text }
    }

    static let identifiers: [Identifiers] = [
        Identifiers("<a@b>", "a@b"), Identifiers("<a@b><c@d>", "a@b", "c@d"), Identifiers("x <a@b> y", "a@b"),
        Identifiers("a@b"), Identifiers("<a@b"), Identifiers("<>"), Identifiers("<a b>"), Identifiers(""),
        Identifiers("<\"q\"@b>", "\"q\"@b"), Identifiers("<é@b>", "é@b"),
    ]

    @Test(arguments: identifiers) func `Message identifiers are what stands in angle brackets`(row: Identifiers) {
        #expect(MessageIdentifier.all(in: Array(row.text.utf8)) == row.found)
    }

    @Test func `Message identifiers are bounded`() {
        #expect(MessageIdentifier.all(in: Array(String(repeating: "<a@b>", count: 500).utf8)).count == 100)
        #expect(MessageIdentifier.all(in: Array("<\(String(repeating: "a", count: 999))>".utf8)).isEmpty)
    }

    @Test func `Files are attachments, texts and inline bodies are not`() {
        func mixed(_ header: String) -> MessageSummary {
            summary("Content-Type: multipart/mixed; boundary=a\n\n--a\n\ntext\n--a\n\(header)\n\nx\n--a--\n")
        }
        #expect(mixed("Content-Type: application/pdf; name=a.pdf").hasAttachment)
        #expect(mixed("Content-Type: text/plain\nContent-Disposition: attachment").hasAttachment)
        #expect(mixed("Content-Type: image/png\nContent-Disposition: inline; filename=a.png").hasAttachment)
        #expect(!mixed("Content-Type: text/html").hasAttachment)
        #expect(!mixed("Content-Type: text/plain\nContent-Disposition: inline; filename=a.txt").hasAttachment)
    }

    @Test func `The preview is the first text that is no file, without markup`() {
        let html = """
            <html><head><style>p { color: red }</style><script>if (a < b) x()</script></head>
            <body><p>Hello <b>there</b></p></body></html>
            """
        #expect(summary("Content-Type: text/html\n\n\(html)").preview == "Hello there")
        let alternative =
            "Content-Type: multipart/alternative; boundary=a\n\n--a\nContent-Type: text/html\n\n<p>rich\n--a\n\nplain\n--a--\n"
        #expect(summary(alternative).preview == "plain")
        let file =
            "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Disposition: attachment\n\nfile\n--a\nContent-Type: text/html\n\n<p>body\n--a--\n"
        #expect(summary(file).preview == "body")
        #expect(summary("Content-Type: image/gif\n\nGIF89a").preview == "")
        #expect(summary("Content-Transfer-Encoding: base64\n\nSGVsbG8=\n").preview == "Hello")
    }

    @Test func `Search sees every text, decoded, messages in messages too`() {
        let message = ParsedMessage(
            parsing: SectionTests.crlf(
                """
                Content-Type: multipart/mixed; boundary=a

                --a
                Content-Type: text/plain; charset=iso-8859-1
                Content-Transfer-Encoding: quoted-printable

                caf=E9
                --a
                Content-Type: image/gif

                hidden
                --a
                Content-Type: message/rfc822

                Subject: =?utf-8?q?inn=C3=A9r?=

                deep
                --a--
                """
            )
        )
        let texts = Preview.searchableText(of: message.root, in: message.bytes)
        #expect(texts.contains("café"))
        #expect(texts.contains("deep"))
        #expect(texts.contains { $0.contains("innér") })
        #expect(!texts.contains { $0.contains("hidden") })
        #expect(Preview.searchableText(of: message.root, in: message.bytes, limit: 3).joined().utf8.count <= 6)
    }
}
