import NIOCore
import Testing

@testable import SMTPWire

@Suite("Receivers and framing")
struct ReceiverTests {
    struct Text: CustomTestStringConvertible {
        let wire: String
        let message: String
        let rest: String
        let violation: MessageViolation?
        init(_ wire: String, _ message: String, rest: String = "", violation: MessageViolation? = nil) {
            self.wire = wire
            self.message = message
            self.rest = rest
            self.violation = violation
        }
        var testDescription: String { wire.debugDescription }
    }

    static let texts: [Text] = [
        Text(".\r\n", ""),
        Text("\r\n.\r\n", "\r\n"),
        Text("a\r\n.\r\nQUIT\r\n", "a\r\n", rest: "QUIT\r\n"),
        Text("..\r\n.\r\n", ".\r\n"),
        Text(".a\r\n...\r\n.\r\n", "a\r\n..\r\n"),
        Text("a.\r\n.\r\n", "a.\r\n"),
        Text("a\r\n\r\n\r\nb\r\n.\r\n", "a\r\n\r\n\r\nb\r\n"),
        Text(
            "long line of more than eight octets\r\nand another one\r\n.\r\n",
            "long line of more than eight octets\r\nand another one\r\n"
        ),
        Text("grüße ☕\r\n.\r\n", "grüße ☕\r\n"),
        Text("a\nb\r\n.\r\n", "", violation: .bareLineEnding),
        Text("a\rb\r\n.\r\n", "", violation: .bareLineEnding),
        Text(".\rb\r\n.\r\n", "", violation: .bareLineEnding),
        Text("a\r\r\n.\r\n", "", violation: .bareLineEnding),
        Text(String(repeating: "x", count: 41) + "\r\n.\r\n", "", violation: .lineTooLong),
        Text(String(repeating: "y\r\n", count: 101 / 3 + 1) + ".\r\n", "", violation: .tooLarge),
    ]

    private func feed(
        _ receiver: inout DataReceiver,
        _ pieces: [ArraySlice<UInt8>]
    ) -> (output: [UInt8], rest: [UInt8], ended: Bool) {
        var input = ByteBuffer()
        var output = ByteBuffer()
        var ended = false
        for piece in pieces {
            input.writeBytes(piece)
            if !ended { ended = receiver.consume(&input, into: &output) }
        }
        return (Array(output.readableBytesView), Array(input.readableBytesView), ended)
    }

    @Test("DATA at every pair of splits", arguments: texts)
    func data(_ text: Text) {
        let wire = Array(text.wire.utf8)
        for first in 0...wire.count {
            for second in first...wire.count {
                var receiver = DataReceiver(maximumSize: 100, maximumLine: 40)
                let (output, rest, ended) = feed(&receiver, [wire[..<first], wire[first..<second], wire[second...]])
                #expect(ended)
                #expect(receiver.violation == text.violation)
                #expect(rest == Array(text.rest.utf8))
                guard text.violation == nil else { continue }
                #expect(output == Array(text.message.utf8))
                #expect(receiver.size == output.count)
            }
        }
    }

    @Test(
        "A DotStuffer's output comes back as it was",
        arguments: ["", "a", "a\r\n", ".", "..\r\n.a\r\n", "a\r\n.\r\n", "a\r\n.\r\n.\r\nb", "\r\n\r\n"]
    )
    func roundTrip(_ message: String) {
        let bytes = Array(message.utf8)
        let expected = bytes.suffix(2) == [13, 10] || bytes.isEmpty ? bytes : bytes + [13, 10]
        for split in 0...bytes.count {
            var stuffer = DotStuffer()
            var wire = ByteBuffer()
            stuffer.write(ByteBuffer(bytes: bytes[..<split]), into: &wire)
            stuffer.write(ByteBuffer(bytes: bytes[split...]), into: &wire)
            stuffer.finish(into: &wire)
            var receiver = DataReceiver(maximumSize: 1000, maximumLine: 998)
            var output = ByteBuffer()
            let ended = receiver.consume(&wire, into: &output)
            #expect(ended)
            #expect(receiver.violation == nil)
            #expect(Array(output.readableBytesView) == expected)
            #expect(wire.readableBytes == 0)
        }
    }

    @Test(
        "A DotStuffer never lets a bare line ending out",
        arguments: ["a\nb", "a\rb", "\n.\n", "\r.\r", "a\r", "\n", "a\r\r\n.\r"]
    )
    func stufferRepairs(_ message: String) {
        let bytes = Array(message.utf8)
        for split in 0...bytes.count {
            var stuffer = DotStuffer()
            var wire = ByteBuffer()
            stuffer.write(ByteBuffer(bytes: bytes[..<split]), into: &wire)
            stuffer.write(ByteBuffer(bytes: bytes[split...]), into: &wire)
            stuffer.finish(into: &wire)
            var receiver = DataReceiver(maximumSize: 1000, maximumLine: 998)
            var output = ByteBuffer()
            #expect(receiver.consume(&wire, into: &output))
            #expect(receiver.violation == nil)
            #expect(wire.readableBytes == 0)
        }
    }

    @Test("BDAT takes exactly its octets, at every split")
    func chunks() {
        let wire = Array("one\r\ntwo\r\nREST".utf8)
        for split in 0...wire.count {
            var receiver = BDATReceiver(maximumSize: 100, maximumLine: 40, isVerbatim: false)
            receiver.beginChunk(size: 10)
            var input = ByteBuffer(bytes: wire[..<split])
            var output = ByteBuffer()
            var ended = receiver.consume(&input, into: &output)
            input.writeBytes(wire[split...])
            if !ended { ended = receiver.consume(&input, into: &output) }
            receiver.finish()
            #expect(ended)
            #expect(receiver.violation == nil)
            #expect(String(buffer: output) == "one\r\ntwo\r\n")
            #expect(String(buffer: input) == "REST")
        }
    }

    struct Chunk: CustomTestStringConvertible {
        let text: String
        let violation: MessageViolation?
        var testDescription: String { text.debugDescription }
    }

    static let chunkTexts: [Chunk] = [
        Chunk(text: "a\nb", violation: .bareLineEnding), Chunk(text: "a\rb", violation: .bareLineEnding),
        Chunk(text: "a\r", violation: .bareLineEnding), Chunk(text: "a", violation: nil),
        Chunk(text: "", violation: nil),
        Chunk(text: String(repeating: "x", count: 41), violation: .lineTooLong),
        Chunk(text: String(repeating: "x\r\n", count: 40), violation: .tooLarge),
    ]

    @Test("BDAT of text is held to the rules of lines", arguments: chunkTexts)
    func chunkViolations(_ chunk: Chunk) {
        let wire = Array(chunk.text.utf8)
        for split in 0...wire.count {
            var receiver = BDATReceiver(maximumSize: 100, maximumLine: 40, isVerbatim: false)
            var output = ByteBuffer()
            for piece in [wire[..<split], wire[split...]] {
                receiver.beginChunk(size: piece.count)
                var input = ByteBuffer(bytes: piece)
                #expect(receiver.consume(&input, into: &output))
            }
            receiver.finish()
            #expect(receiver.violation == chunk.violation)
        }
    }

    struct Stream: CustomTestStringConvertible {
        let text: String
        let frames: [SMTPLineFramer.Frame]
        init(_ text: String, _ frames: SMTPLineFramer.Frame...) {
            self.text = text
            self.frames = frames
        }
        var testDescription: String { text.debugDescription }
    }

    private static func line(_ text: String) -> SMTPLineFramer.Frame { .line(Array(text.utf8)) }

    static let streams: [Stream] = [
        Stream("NOOP\r\n", line("NOOP")),
        Stream("\r\n\r\n", line(""), line("")),
        Stream("A\r\nB\r\npartial", line("A"), line("B")),
        Stream("A\nB\r\nC\r\n", .bareLineEnding, line("C")),
        Stream("A\rB\r\nC\r\n", .bareLineEnding, line("C")),
        Stream("A\r\r\nC\r\n", .bareLineEnding, line("C")),
        Stream("A\n\r\nC\r\n", .bareLineEnding, line("C")),
        Stream("A\nB\nC\rD\r\nE\r\n", .bareLineEnding, line("E")),
        Stream("1234567890\r\n1\r\n", line("1234567890"), line("1")),
        Stream("12345678901\r\n1\r\n", .tooLong, line("1")),
        Stream("12345678901234567890\nx\r\r\n1\r\n", .tooLong, line("1")),
        Stream("123\n45678901234567890\r\n1\r\n", .bareLineEnding, line("1")),
    ]

    @Test("Lines at every pair of splits", arguments: streams)
    func framing(_ stream: Stream) {
        let wire = Array(stream.text.utf8)
        for first in 0...wire.count {
            for second in first...wire.count {
                var framer = SMTPLineFramer(maximum: 12)
                var input = ByteBuffer()
                var frames: [SMTPLineFramer.Frame] = []
                for piece in [wire[..<first], wire[first..<second], wire[second...]] {
                    input.writeBytes(piece)
                    while let frame = framer.next(&input) { frames.append(frame) }
                }
                #expect(frames == stream.frames)
            }
        }
    }

    @Test("The word scan finds what an octet scan finds")
    func scan() {
        for position in 0..<40 {
            for byte in [10, 13] as [UInt8] {
                var bytes = [UInt8](repeating: 0x8D, count: 40)
                for (index, value) in [11, 12, 14, 0, 255, 138, 9, 128].enumerated() { bytes[index * 5] = UInt8(value) }
                bytes[position] = byte
                let buffer = ByteBuffer(bytes: bytes)
                #expect(buffer.indexOfLineBreak(from: 0, to: 40) == position)
                #expect(buffer.indexOfLineBreak(from: 0, to: position) == position)
                if position < 39 { #expect(buffer.indexOfLineBreak(from: position + 1, to: 40) == 40) }
            }
        }
    }
}
