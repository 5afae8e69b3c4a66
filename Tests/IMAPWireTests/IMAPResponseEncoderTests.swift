import IMAPWire
import MailModel
import NIOCore
import Testing

@Suite struct IMAPResponseEncoderTests {
    private func encoded(isUTF8: Bool = false, _ write: (inout IMAPResponseEncoder) -> Void) -> [UInt8] {
        var encoder = IMAPResponseEncoder()
        encoder.isUTF8 = isUTF8
        write(&encoder)
        return Array(encoder.buffer.readableBytesView)
    }

    struct Row: CustomTestStringConvertible {
        var text: [UInt8]
        var plain: [UInt8]
        var utf8: [UInt8]
        init(_ text: [UInt8], _ plain: [UInt8], utf8: [UInt8]? = nil) {
            (self.text, self.plain, self.utf8) = (text, plain, utf8 ?? plain)
        }
        init(_ text: String, _ plain: String, utf8: String? = nil) {
            self.init(Array(text.utf8), Array(plain.utf8), utf8: utf8.map { Array($0.utf8) })
        }
        var testDescription: String { String(decoding: plain, as: UTF8.self) }
    }

    static let rows: [Row] = [
        Row("", "\"\""), Row("abc", "\"abc\""), Row("a \"b\" \\c", "\"a \\\"b\\\" \\\\c\""), Row("NIL", "\"NIL\""),
        Row("tab\there", "\"tab\there\""),
        Row("a\r\nb", "{4}\r\na\r\nb"), Row("\u{7F}", "{1}\r\n\u{7F}"), Row("é", "{2}\r\né", utf8: "\"é\""),
        Row("\"é", "{3}\r\n\"é", utf8: "\"\\\"é\""),
        // What is no UTF-8 cannot be quoted for anybody; NUL cannot be sent at all.
        Row([0xFF], Array("{1}\r\n".utf8) + [0xFF]), Row([97, 0, 98], Array("{3}\r\n".utf8) + [97, 0x80, 98]),
        Row(String(repeating: "a", count: 1_000), "\"" + String(repeating: "a", count: 1_000) + "\""),
        Row(String(repeating: "a", count: 1_001), "{1001}\r\n" + String(repeating: "a", count: 1_001)),
        // A combining mark behind a quote.
        Row("\"\u{301}", "{3}\r\n\"\u{301}", utf8: "\"\\\"\u{301}\""),
    ]

    @Test(arguments: rows) func `Strings are quoted or literals`(row: Row) {
        #expect(encoded { $0.string(row.text) } == row.plain)
        #expect(encoded(isUTF8: true) { $0.string(row.text) } == row.utf8)
    }

    @Test func `Mailbox names follow the client`() {
        #expect(encoded { $0.mailbox("Entwürfe") } == Array("\"Entw&APw-rfe\"".utf8))
        #expect(encoded(isUTF8: true) { $0.mailbox("Entwürfe") } == Array("\"Entwürfe\"".utf8))
        #expect(encoded { $0.mailbox("a\"b") } == Array("\"a\\\"b\"".utf8))
    }

    @Test func `Numbers`() {
        for value in [0, 9, 10, 99, 4_294_967_295, UInt64(Int64.max), .max] {
            #expect(encoded { $0.number(value) } == Array("\(value)".utf8))
        }
    }

    @Test func `Status responses and continuations`() {
        func text(_ write: (inout IMAPResponseEncoder) -> Void) -> String {
            String(decoding: encoded(write), as: UTF8.self)
        }
        #expect(text { $0.status("a1", .ok, code: "READ-WRITE", "Done") } == "a1 OK [READ-WRITE] Done\r\n")
        #expect(text { $0.status(nil, .bye, "Closing") } == "* BYE Closing\r\n")
        #expect(text { $0.status("a", .no, "No") } == "a NO No\r\n")
        #expect(text { $0.status("b", .bad, "Bad") } == "b BAD Bad\r\n")
        #expect(text { $0.continuation("idling") } == "+ idling\r\n")
        #expect(text { $0.exists(23) } == "* 23 EXISTS\r\n")
        #expect(text { $0.expunge(44) } == "* 44 EXPUNGE\r\n")
    }

    @Test func `Flags and keywords`() {
        func text(_ flags: MessageFlags, _ keywords: [String]) -> String {
            String(decoding: encoded { $0.flags(flags, Keywords(keywords)) }, as: UTF8.self)
        }
        #expect(text([], []) == "()")
        #expect(text([.seen, .answered], []) == "(\\Answered \\Seen)")
        #expect(text([.flagged, .deleted, .draft], ["Work", "$Junk"]) == "(\\Flagged \\Deleted \\Draft $Junk Work)")
        #expect(text([], ["x"]) == "(x)")
    }

    @Test func `Sets show runs as ranges`() {
        func text(_ numbers: [UInt32]) -> String { String(decoding: encoded { $0.set(numbers) }, as: UTF8.self) }
        #expect(text([]) == "")
        #expect(text([5]) == "5")
        #expect(text([1, 2, 3]) == "1:3")
        #expect(text([1, 2, 4, 6, 7]) == "1:2,4,6:7")
        #expect(text([4_294_967_294, 4_294_967_295]) == "4294967294:4294967295")
        #expect(text([3, 2, 1]) == "3,2,1")
    }
}
