import MailModel
import MailPorts
import SieveScript
import Testing

@testable import MailDelivery

@Suite struct HeaderEditorTests {
    static let message = "A: 1\r\nX-B: two\r\n folded\r\nno field\r\nX-b: three\r\n\r\nX-B: body\r\n"

    func edited(_ edits: [SieveHeaderEdit]) -> String {
        String(decoding: HeaderEditor.edit(Array(Self.message.utf8), edits), as: UTF8.self)
    }

    @Test func `fields are added in front and behind, and deleted by their number`() {
        #expect(edited([]) == Self.message)
        #expect(edited([.add(name: "C", value: "x", isLast: false)]) == "C: x\r\n" + Self.message)
        #expect(
            edited([.add(name: "C", value: "x", isLast: true)])
                == "A: 1\r\nX-B: two\r\n folded\r\nno field\r\nX-b: three\r\nC: x\r\n\r\nX-B: body\r\n"
        )
        #expect(
            edited([.delete(name: "x-B", occurrence: 1), .delete(name: "X-B", occurrence: 1)])
                == "A: 1\r\nno field\r\n\r\nX-B: body\r\n"
        )
        #expect(edited([.delete(name: "X-B", occurrence: 3)]) == Self.message)
    }

    @Test func `no value ends its field, and no name is another field`() {
        for value in ["a\r\nBcc: x@y.test", "a\nb", "\u{0}\r", "é\r\nBcc: x"] {
            let text = edited([.add(name: "C", value: value, isLast: false)])
            #expect(!text.utf8.split(separator: 10).contains { $0.starts(with: "Bcc".utf8) })
            #expect(text.utf8.reversed().starts(with: Self.message.utf8.reversed()))
        }
        for name in ["", "a b", "a:b", "a\r\nb", "ä"] {
            #expect(edited([.add(name: name, value: "x", isLast: false)]) == Self.message)
        }
    }

    @Test func `long values are folded, and none is lost`() {
        let words = (0..<2_000).map { "word\($0)" }.joined(separator: " ")
        let text = edited([.add(name: "C", value: words, isLast: false)])
        #expect(text.utf8.split(separator: 10).allSatisfy { $0.count <= 998 })
        let unfolded = Array(text.utf8.filter { $0 != 13 && $0 != 10 }.dropFirst(3).prefix(words.utf8.count))
        #expect(String(decoding: unfolded, as: UTF8.self) == words)
        let accents = String(repeating: "é", count: 500)
        let encoded = edited([.add(name: "C", value: accents, isLast: false)])
        #expect(encoded.utf8.split(separator: 10).allSatisfy { $0.count <= 78 })
    }

    @Test func `flags are system flags and atoms`() {
        let marks = ScriptMarks.marks(["\\SEEN", "\\flagged", "$Label1", "a b", "x(", "\\Other", "", "$label1"])
        #expect(marks.flags == [.seen, .flagged] && marks.keywords.names == ["$Label1"])
        #expect(ScriptMarks.names(marks.flags, marks.keywords) == ["\\Seen", "\\Flagged", "$Label1"])
    }

    @Test func `a place in a mailbox is read as it is written`() {
        #expect(ScriptPass.Place("7-12")?.description == "7-12")
        for text in ["", "7", "7-", "-7", "7-0", "7-12-1", "x-1", "4294967296-1"] {
            #expect(ScriptPass.Place(text) == nil, "\(text)")
        }
    }
}
