import ByteParsing
import Testing

@Suite struct Base64Tests {
    struct Row: CustomTestStringConvertible {
        var plain: String
        var encoded: String
        init(_ plain: String, _ encoded: String) { (self.plain, self.encoded) = (plain, encoded) }
        var testDescription: String { encoded }
    }

    /// RFC 4648 §10.
    static let rows: [Row] = [
        Row("", ""), Row("f", "Zg=="), Row("fo", "Zm8="), Row("foo", "Zm9v"), Row("foob", "Zm9vYg=="),
        Row("fooba", "Zm9vYmE="), Row("foobar", "Zm9vYmFy"),
    ]

    @Test(arguments: rows) func `The vectors of RFC 4648`(row: Row) {
        let plain = Array(row.plain.utf8)
        #expect(Base64.encode(plain) == Array(row.encoded.utf8))
        #expect(Base64.decode(Array(row.encoded.utf8)) == plain)
        // Without padding.
        #expect(Base64.decode(Array(row.encoded.utf8.prefix { $0 != 61 })) == plain)
    }

    @Test(arguments: [
        "Z", "Zg=", "Zg===", "Z===", "=", "====", "Zm9v=", "Zm9vYg=A", "Zm 9v", "Zm9v\r\n", "Zh==", "Zm9=", "é",
        "Zm9v\0",
    ])
    func `Anything else is refused`(text: String) {
        #expect(Base64.decode(Array(text.utf8)) == nil)
    }

    @Test func `Every octet survives, in both alphabets`() {
        let all = (0...255).map { UInt8($0) }
        for count in 0...256 {
            let plain = Array(all.prefix(count))
            #expect(Base64.decode(Base64.encode(plain)) == plain)
            let url = Base64.encodeURL(plain)
            #expect(!url.utf8.contains { $0 == 43 || $0 == 47 || $0 == 61 })
            #expect(Base64.decode(Array(url.utf8)) == plain)
        }
        #expect(Base64.encodeURL([0xFB, 0xFF]) == "-_8")
    }
}
