import IMAPWire
import Testing

@Suite struct SequenceSetTests {
    struct Row: CustomTestStringConvertible {
        var text: String
        var maximum: UInt32
        var ranges: [ClosedRange<UInt32>]?
        init(_ text: String, of maximum: UInt32 = 10, _ ranges: [ClosedRange<UInt32>]?) {
            (self.text, self.maximum, self.ranges) = (text, maximum, ranges)
        }
        var testDescription: String { "\(text) of \(maximum)" }
    }

    static let rows: [Row] = [
        Row("1", [1...1]), Row("1:3", [1...3]), Row("5:1", [1...5]), Row("*", [10...10]), Row("1:*", [1...10]),
        Row("*:1", [1...10]), Row("*:*", [10...10]),
        // RFC 9051 §9: 3291:* is the last message even if its number is lower.
        Row("15:*", [10...15]), Row("1,2,3", [1...3]), Row("3,1,2", [1...3]), Row("1:3,2:5", [1...5]),
        Row("1,3,5", [1...1, 3...3, 5...5]), Row("1,1,1", [1...1]),
        Row("2,4:7,9,12:*", of: 15, [2...2, 4...7, 9...9, 12...15]), Row("4294967295", [4_294_967_295...4_294_967_295]),
        Row("1:4294967295", [1...4_294_967_295]),
        Row("4294967294,4294967295", [4_294_967_294...4_294_967_295]), Row("1:*", of: 0, [1...1]),
        Row("*", of: 0, [1...1]), Row("007", [7...7]),
        Row("", nil), Row("0", nil), Row("1:", nil), Row(":1", nil), Row("1,", nil), Row(",1", nil), Row("1,,2", nil),
        Row("4294967296", nil), Row("1:2:3", nil),
        Row("-1", nil), Row("a", nil), Row("1 2", nil), Row("$,1", nil), Row("1,$", nil), Row("**", nil),
    ]

    private func set(_ text: String) -> SequenceSet? {
        guard case .uidExpunge(let set)? = try? parse("a UID EXPUNGE \(text)").command else { return nil }
        return set
    }

    @Test(arguments: rows) func `Sets become ascending ranges`(row: Row) {
        #expect(set(row.text)?.ranges(maximum: row.maximum) == row.ranges)
    }

    @Test func `The saved result is a set of its own`() throws {
        let saved = try #require(set("$"))
        #expect(saved.isSavedResult && saved == .savedResult && saved.ranges(maximum: 9).isEmpty)
    }

    @Test func `Sets are bounded`() {
        let many = String(repeating: "1,", count: SequenceSet.maximumElements)
        #expect(set(many + "1") == nil)
        #expect(set(String(many.dropLast()))?.ranges(maximum: 1) == [1...1])
    }
}
