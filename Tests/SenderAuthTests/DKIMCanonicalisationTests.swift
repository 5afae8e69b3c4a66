import ByteParsing
import MailCrypto
import NIOCore
import Testing

@testable import SenderAuth

@Suite struct DKIMCanonicalisationTests {
    struct Body: Sendable, CustomTestStringConvertible {
        var name: String
        var form: DKIMCanonicalisation
        var text: String
        var canonical: String
        var testDescription: String { name }
        init(_ name: String, _ form: DKIMCanonicalisation, _ text: String, _ canonical: String) {
            (self.name, self.form, self.text, self.canonical) = (name, form, text, canonical)
        }
    }

    static let bodies: [Body] = [
        Body("RFC 6376 §3.4.5, relaxed", .relaxed, " C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n"),
        Body("RFC 6376 §3.4.5, simple", .simple, " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n"),
        Body("empty, simple", .simple, "", "\r\n"),
        Body("empty, relaxed", .relaxed, "", ""),
        Body("only empty lines, simple", .simple, "\r\n\r\n", "\r\n"),
        Body("only empty lines, relaxed", .relaxed, "\r\n\r\n", ""),
        Body("only white space, relaxed", .relaxed, " \t\r\n  \r\n", ""),
        Body("only white space, simple", .simple, " \r\n\r\n", " \r\n"),
        Body("no line end at the end, simple", .simple, "text", "text\r\n"),
        Body("no line end at the end, relaxed", .relaxed, "text \t", "text\r\n"),
        Body("empty lines before and between", .relaxed, "\r\n\r\na\r\n\r\n b\r\n", "\r\n\r\na\r\n\r\n b\r\n"),
        Body("CR and LF alone are text", .relaxed, "a\rb\nc \r \r\r\n", "a\rb\nc \r \r\r\n"),
        Body("a lone CR at the end", .relaxed, "a\r", "a\r\r\n"),
        Body("white space in front of the last empty lines", .relaxed, "a\r\n \t\r\n\r\n", "a\r\n"),
    ]

    @Test("a body in its canonical form, however it is cut", arguments: bodies)
    func body(_ sample: Body) {
        let bytes = Array(sample.text.utf8)
        let expected = Array(sample.canonical.utf8)
        for cut in 0...bytes.count {
            var hasher = DKIMBodyHasher(sample.form)
            hasher.update(Array(bytes[..<cut]))
            hasher.update(ByteBuffer(bytes: bytes[cut...]))
            let (hash, length) = hasher.conclude()
            #expect(hash == SHA256.hash(expected), "cut at \(cut)")
            #expect(length == expected.count)
        }
    }

    @Test("the hashes of empty bodies, RFC 6376 §3.4.3 and §3.4.4")
    func emptyBodies() {
        #expect(
            Base64.encode(DKIMBodyHasher(.simple).finish())
                == Array("frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=".utf8)
        )
        #expect(
            Base64.encode(DKIMBodyHasher(.relaxed).finish())
                == Array("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=".utf8)
        )
    }

    @Test("a body of many blocks hashes as a whole", arguments: DKIMCanonicalisation.allCases)
    func long(_ form: DKIMCanonicalisation) {
        let line = Array("0123456789abcdef 0123456789abcdef\r\n".utf8)
        let body = Array(repeatElement(line, count: 3_000).joined())
        var hasher = DKIMBodyHasher(form)
        hasher.update(body)
        #expect(hasher.finish() == SHA256.hash(body))
    }

    @Test("l= counts octets of the canonical body, RFC 6376 §3.5", arguments: [0, 1, 16_384, 16_385, 20_000, 40_000])
    func limited(_ limit: Int) {
        let body = [UInt8](repeating: 97, count: 30_000)
        var hasher = DKIMBodyHasher(.simple, limit: limit)
        hasher.update(body)
        let (hash, length) = hasher.conclude()
        #expect(hash == SHA256.hash(Array((body + [13, 10]).prefix(limit))))
        #expect(length == 30_002)
    }

    @Test("header fields, RFC 6376 §3.4.5")
    func fields() {
        let header = DKIMHeader(Array("A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\n".utf8))
        #expect(header.canonical(["a", "B"], .relaxed) == Array("a:X\r\nb:Y Z\r\n".utf8))
        #expect(header.canonical(["A", "b"], .simple) == Array("A: X\r\nB : Y\t\r\n\tZ  \r\n".utf8))
        #expect(Array(header.body) == Array(" C \r\n".utf8))
    }

    @Test("fields of one name are taken from the bottom up, missing ones stand for nothing, RFC 6376 §5.4.2")
    func repeatedFields() {
        let header = DKIMHeader(Array("X: 1\r\nY: 2\r\nx: 3\r\n\r\n".utf8))
        #expect(header.canonical(["x", "X", "x", "z", "y"], .relaxed) == Array("x:3\r\nx:1\r\ny:2\r\n".utf8))
        let last = header.named("x")[1]
        #expect(header.canonical(["x", "x"], .relaxed, except: last) == Array("x:1\r\n".utf8))
    }

    @Test("an empty value, and octets beyond ASCII")
    func oddFields() {
        let header = DKIMHeader(Array("Empty: \t\r\n \r\nName: \u{e9}\u{301}  \u{65e5}\r\n\r\n".utf8))
        #expect(
            header.canonical(["empty", "name"], .relaxed) == Array("empty:\r\nname:\u{e9}\u{301} \u{65e5}\r\n".utf8)
        )
    }
}
