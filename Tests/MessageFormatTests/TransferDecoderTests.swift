import MessageFormat
import Testing

@Suite struct TransferDecoderTests {
    struct Row: CustomTestStringConvertible {
        var text: String
        var decoded: String
        init(_ text: String, _ decoded: String) { (self.text, self.decoded) = (text, decoded) }
        var testDescription: String { text }
    }

    static let base64: [Row] = [
        Row("", ""), Row("YQ==", "a"), Row("YWI=", "ab"), Row("YWJj", "abc"), Row("YWJj\r\nZGVm\r\n", "abcdef"),
        // RFC 2045 §6.8: other octets are passed over.
        Row("Y W*J-j\u{1}", "abc"), Row("YQ", "a"), Row("YWI", "ab"), Row("Y", ""), Row("YWJjY", "abc"),
        Row("====", ""), Row("YQ==YQ==", "aa"), Row("YWJj=ZGVm", "abcdef"),
    ]

    @Test(arguments: base64) func `Base 64 decodes what can be decoded`(row: Row) {
        #expect(String(decoding: TransferDecoder.base64(Array(row.text.utf8)[...]), as: UTF8.self) == row.decoded)
    }

    static let quotedPrintable: [Row] = [
        Row("", ""), Row("abc", "abc"), Row("=41=42", "AB"), Row("=c3=a9", "é"), Row("=C3=A9", "é"),
        Row("a=\r\nb", "ab"), Row("a=\nb", "ab"), Row("a= \t\r\nb", "ab"), Row("a=", "a"), Row("a=\r\n", "a"),
        // RFC 2045 §6.7 rule 3: white space at a line's end was added on the way.
        Row("a \t \r\nb", "a\r\nb"), Row("a  b", "a  b"), Row("a =20\r\nb", "a  \r\nb"),
        // What is no encoding stays.
        Row("=ZZ", "=ZZ"), Row("=4", "=4"), Row("a=b c", "a=b c"), Row("==41", "=A"),
    ]

    @Test(arguments: quotedPrintable) func `Quoted-printable decodes what can be decoded`(row: Row) {
        #expect(
            String(decoding: TransferDecoder.quotedPrintable(Array(row.text.utf8)[...]), as: UTF8.self) == row.decoded
        )
    }

    @Test func `Long runs of white space take linear time`() {
        let spaces = [UInt8](repeating: 32, count: 300_000)
        #expect(TransferDecoder.quotedPrintable((spaces + [120])[...]).count == 300_001)
        #expect(TransferDecoder.quotedPrintable((spaces + [13, 10])[...]) == [13, 10])
    }
}
