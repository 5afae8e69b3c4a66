import MessageFormat
import Testing

@Suite struct IndexedTextTests {
    private func text(_ lines: String..., limit: Int = 1_000) -> IndexedText {
        IndexedText(of: ParsedMessage(parsing: Array(lines.joined(separator: "\r\n").utf8)), limit: limit)
    }

    @Test func `every text part without its markup, in order`() {
        let found = text(
            "Content-Type: multipart/mixed; boundary=b",
            "",
            "--b",
            "",
            "plain",
            "--b",
            "Content-Type: text/html; charset=iso-8859-1",
            "Content-Transfer-Encoding: quoted-printable",
            "",
            "<style>p { color: red }</style><p>gr=FCn</p>",
            "--b",
            "Content-Type: message/rfc822",
            "",
            "Subject: inner",
            "",
            "inside",
            "--b--"
        )
        let words = found.body.utf8.split { $0 <= 32 }.map { String(decoding: $0, as: UTF8.self) }
        #expect(words == ["plain", "grün", "inside"] && found.attachments.isEmpty)
    }

    @Test func `names of files, decoded, without their content`() {
        let found = text(
            "Content-Type: multipart/mixed; boundary=b",
            "",
            "--b",
            "Content-Type: application/pdf; name=older.pdf",
            "",
            "never read",
            "--b",
            "Content-Type: image/png",
            "Content-Disposition: attachment; filename=\"=?utf-8?q?Pl=C3=A4ne.png?=\"",
            "",
            "nor this",
            "--b--"
        )
        #expect(found.attachments == ["older.pdf", "Pläne.png"] && found.body.isEmpty)
    }

    @Test(arguments: [0, 1, 2, 3, 4, 5, 100])
    func `a long text is cut between scalars`(_ limit: Int) {
        let found = text("Content-Type: text/plain; charset=utf-8", "", "äöü", limit: limit)
        #expect(found.body.utf8.count <= limit)
        #expect("äöü".utf8.starts(with: found.body.utf8) && found.body.utf8.count % 2 == 0)
    }

    @Test func `so many names of a message are kept`() {
        let parts = (0..<150).map { "--b\r\nContent-Type: image/png; name=f\($0).png\r\n\r\nx" }
        let found = text("Content-Type: multipart/mixed; boundary=b", "", parts.joined(separator: "\r\n"), "--b--")
        #expect(found.attachments.count == IndexedText.maximumAttachments)
    }
}
