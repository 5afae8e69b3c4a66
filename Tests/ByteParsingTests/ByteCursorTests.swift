import ByteParsing
import Testing

@Suite struct ByteCursorTests {
    private func cursor(_ text: String) -> ByteCursor { ByteCursor(Array(text.utf8)) }

    @Test func `Takes what matches and leaves the rest`() {
        var cursor = cursor("abc123 Word")
        #expect(cursor.peek == 97)
        #expect(cursor.peek(at: 2) == 99)
        #expect(cursor.peek(at: 11) == nil)
        let letters = cursor.take(while: \.isASCIILetter)
        #expect(letters.elementsEqual("abc".utf8))
        let digits = cursor.number()
        #expect(digits == 123)
        let dot = cursor.skip(ASCII.dot)
        #expect(!dot)
        let space = cursor.skip(ASCII.space)
        #expect(space)
        let longerWord = cursor.skip(ignoringCase: "words")
        #expect(!longerWord)
        let word = cursor.skip(ignoringCase: "word")
        #expect(word)
        #expect(cursor.isAtEnd)
        let end = cursor.next()
        #expect(end == nil)
        #expect(cursor.peek == nil)
        let rest = cursor.take(while: ByteClass { _ in true })
        #expect(rest.isEmpty)
    }

    @Test func `Reads its range only`() {
        var cursor = ByteCursor(Array("0123456789".utf8), range: 2..<5)
        #expect(cursor.remaining == 3)
        let beyond = cursor.take(4)
        #expect(beyond == nil)
        let negative = cursor.take(-1)
        #expect(negative == nil)
        let number = cursor.number()
        #expect(number == 234)
        #expect(cursor.isAtEnd)
    }

    struct Number: CustomTestStringConvertible {
        var text: String
        var maximum: UInt64
        var value: UInt64?
        init(_ text: String, maximum: UInt64 = .max, _ value: UInt64?) {
            (self.text, self.maximum, self.value) = (text, maximum, value)
        }
        var testDescription: String { text }
    }

    static let numbers: [Number] = [
        Number("0", 0), Number("007", 7), Number("18446744073709551615", .max), Number("18446744073709551616", nil),
        Number("99999999999999999999999", nil), Number("256", maximum: 255, nil), Number("255", maximum: 255, 255),
        Number("", nil), Number("-1", nil), Number("+1", nil), Number(" 1", nil), Number("x", nil),
    ]

    @Test(arguments: numbers) func `Numbers do not overflow, and a failure moves nothing`(row: Number) {
        var cursor = cursor(row.text)
        let value = cursor.number(maximum: row.maximum)
        #expect(value == row.value)
        #expect((cursor.position == 0) == (row.value == nil))
    }
}

@Suite struct ASCIITests {
    @Test func `Classes of octets are those of RFC 5234`() {
        for value in 0...255 {
            let byte = UInt8(value)
            let isUpper = (65...90).contains(value)
            let isLower = (97...122).contains(value)
            #expect(byte.isASCIILetter == (isUpper || isLower), "\(value)")
            #expect(byte.isASCIIDigit == (48...57).contains(value))
            #expect(byte.isASCIIAlphanumeric == (byte.isASCIILetter || byte.isASCIIDigit))
            #expect(byte.isASCIIControl == (value < 32 || value == 127))
            #expect(byte.isASCIIWhitespace == (value == 32 || value == 9))
            #expect(byte.asciiLowercased == (isUpper ? byte + 32 : byte))
            #expect(byte.asciiUppercased == (isLower ? byte - 32 : byte))
            let digit = value < 128 ? Unicode.Scalar(byte).properties.numericType.map { _ in byte - 48 } : nil
            if let digit { #expect(byte.hexDigitValue == digit) }
        }
        #expect(
            "0123456789abcdefABCDEF".utf8.map(\.hexDigitValue) == (0...15).map { UInt8($0) }
                + (10...15).map { UInt8($0) }
        )
        #expect("gG/:@`".utf8.allSatisfy { $0.hexDigitValue == nil })
    }

    @Test func `A byte class holds exactly its members`() {
        for modulus in [1, 2, 3, 7, 64, 255] {
            let members = ByteClass { Int($0) % modulus == 0 }
            for value in 0...255 { #expect(members.contains(UInt8(value)) == (value % modulus == 0)) }
        }
    }

    @Test func `Comparison ignores the case of ASCII letters alone`() {
        #expect(Array("SuBJeCT".utf8).equalsIgnoringASCIICase("subject"))
        #expect(!Array("subjec".utf8).equalsIgnoringASCIICase("subject"))
        #expect(!Array("[".utf8).equalsIgnoringASCIICase("{"))
        #expect(!Array("Ä".utf8).equalsIgnoringASCIICase(Array("ä".utf8)))
        #expect(Array("aB".utf8).equalsIgnoringASCIICase(Array("Ab".utf8)))
    }
}
