import PlatformConfig
import Testing

struct LineRow: Sendable, CustomTestStringConvertible {
    let line: String
    let value: String?
    init(_ line: String, _ value: String?) { (self.line, self.value) = (line, value) }
    var testDescription: String { line }
}

@Suite struct EnvironmentFileTests {
    @Test(
        "a line gives A its value",
        arguments: [
            LineRow("A=1", "1"), LineRow("  A = 1  ", "1"), LineRow("export A=1", "1"), LineRow("A=", ""),
            LineRow("A=a b", "a b"),
            LineRow("A=a # comment", "a"), LineRow("A=a#b", "a#b"), LineRow("A='a # b'", "a # b"),
            LineRow("A='a\\nb' # c", "a\\nb"),
            LineRow("A=\"a\\nb\\\"c\\$d\"", "a\nb\"c$d"), LineRow("A=\"a\" x", nil), LineRow("A=\"a", nil),
            LineRow("A", nil),
            LineRow("1A=x", nil), LineRow("A B=x", nil), LineRow("A=\"x\u{301}\"", "x\u{301}"),
            LineRow("A=\"\u{301}\"\r", "\u{301}"),
        ]
    )
    func line(row: LineRow) {
        #expect((try? EnvironmentFile.parse(Array(row.line.utf8), name: ".env"))?["A"] == row.value)
    }

    @Test func everyBadLineIsNamed() {
        #expect(throws: ConfigurationError(problems: [".env:2 is not NAME=value", ".env:4 is not NAME=value"])) {
            try EnvironmentFile.parse(Array("A=1\nnonsense\n# fine\n=x\r\n".utf8), name: ".env")
        }
    }
}
