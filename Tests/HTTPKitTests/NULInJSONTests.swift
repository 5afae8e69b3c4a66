import HTTPKit
import Testing

@Suite("NUL in the texts of a body (RFC 8259 §7)") struct NULInJSONTests {
    private struct Row: CustomTestStringConvertible {
        var text: String
        var path: [String]?
        init(_ text: String, _ path: [String]?) { (self.text, self.path) = (text, path) }
        var testDescription: String { text }
    }

    private static let rows: [Row] = [
        Row(#"{"reason": "floods us"}"#, nil),
        Row(#"{"reason": "floods\u0000us"}"#, ["reason"]),
        Row(#"{"a": 1, "b": [true, null, {"c": ["x", "\u0000"]}]}"#, ["b", "2", "c", "1"]),
        Row(#"{"z": "\u0000", "a": {"k": "\u0000"}}"#, ["a", "k"]),
        Row(#"{"a": {"\u0000": 1}}"#, ["a"]),
        // A backslash and the letters, and other escapes with zeros.
        Row(#"{"a": "\\u0000"}"#, nil),
        Row(#"{"a": "\u00001"}"#, ["a"]),
        Row(#"{"a": "\u0001"}"#, nil),
        Row("", nil), Row(#"\u0000"#, nil), Row(#"{"a": "\u0000"#, nil),
    ]

    @Test(arguments: rows) private func isFoundWithTheWayToIt(_ row: Row) {
        #expect(NULInJSON.path(in: Array(row.text.utf8)) == row.path)
    }
}
