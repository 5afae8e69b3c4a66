import NIOCore
import Testing

@testable import SMTPWire

/// RFC 5321 §2.3.8 and §4.1.1.4: data ends with CRLF "." CRLF and with nothing else.
@Suite("SMTP smuggling")
struct SmugglingTests {
    struct Ending: CustomTestStringConvertible {
        let bytes: [UInt8]
        /// A NUL is no line ending: the message is whole, and one.
        let isLegal: Bool
        init(_ text: String, isLegal: Bool = false) {
            bytes = Array(text.utf8)
            self.isLegal = isLegal
        }
        var testDescription: String { String(decoding: bytes, as: UTF8.self).debugDescription }
    }

    static let endings: [Ending] = [
        Ending("\n.\n"), Ending("\n.\r\n"), Ending("\r\n.\n"), Ending("\r.\r"), Ending("\r.\r\n"), Ending("\r\n.\r"),
        Ending("\r.\n"),
        Ending("\n.\r"), Ending("\n\n.\r\n"), Ending("\r\n.\n\r\n"), Ending("\r\n.\r\r\n"), Ending("\r\r\n.\r\r\n"),
        Ending("\r\n\n.\r\n"),
        Ending("\r\n\r.\r\n"), Ending("\r\n..\n.\r\n"), Ending("\n\r.\n\r"), Ending("\r\n.\r\u{0}\n"),
        Ending("\r\n\u{0}.\r\n", isLegal: true),
        Ending("\r\n.\u{0}\r\n", isLegal: true), Ending("\r\n. \r\n", isLegal: true),
        Ending("\r\n..\r\n", isLegal: true),
        Ending("\r\n\u{85}.\u{85}", isLegal: true), Ending("\u{2028}.\u{2028}", isLegal: true),
        Ending("\r\u{0}\n.\r\n"),
    ]

    static let smuggled = Array(
        "MAIL FROM:<evil@example.test>\r\nRCPT TO:<victim@example.test>\r\nDATA\r\nsmuggled\r\n.\r\n".utf8
    )
    static let opening = Array(SMTPServerMachineTests.envelope.utf8) + Array("DATA\r\nouter".utf8)

    @Test("No ending but the true one ends a message, at any split", arguments: endings)
    func everySplit(_ ending: Ending) {
        let stream = Self.opening + ending.bytes + Self.smuggled
        for split in 0...stream.count {
            let conversation = ServerConversation()
            let codes = conversation.say(Array(stream[..<split])) + conversation.say(Array(stream[split...]))
            #expect(codes == [250, 250, 250, 354, ending.isLegal ? 250 : 554], "split at \(split)")
            #expect(conversation.messages.count == (ending.isLegal ? 1 : 0))
        }
        let conversation = ServerConversation()
        #expect(stream.flatMap { conversation.say([$0]) } == [250, 250, 250, 354, ending.isLegal ? 250 : 554])
    }

    @Test("The refusal names the reason")
    func reply() {
        let conversation = ServerConversation()
        conversation.say(Self.opening + Array("\n.\n".utf8) + Self.smuggled)
        #expect(conversation.lastReply == .bareLineEndingInMessage)
        #expect(conversation.lastReply?.encoded.hasPrefix("554 5.6.0 ") == true)
        #expect(conversation.events.contains(.abandoned))
    }
}
