import MailModel
import MessageFormat
import Testing

@Suite struct RFC5322DateTests {
    struct Row: CustomTestStringConvertible {
        var text: String
        var seconds: Int64?
        init(_ text: String, _ seconds: Int64?) { (self.text, self.seconds) = (text, seconds) }
        var testDescription: String { text }
    }

    /// 1997-11-21 15:55:06 UTC.
    static let rows: [Row] = [
        Row("Fri, 21 Nov 1997 09:55:06 -0600", 880_127_706),
        Row("21 Nov 1997 09:55:06 -0600", 880_127_706),
        Row("Fri,21 Nov 1997 09:55:06 -0600", 880_127_706),
        Row("21 Nov 97 09:55:06 CST", 880_127_706),
        Row("Fri, 21 Nov 97 15:55:06 GMT", 880_127_706),
        Row("21 Nov 97 15:55:06 Z", 880_127_706),
        Row("21 Nov 97 15:55:06 ut", 880_127_706),
        Row("Fri, 21 Nov 1997 10:55:06 EST", 880_127_706),
        Row("Fri, 21 Nov 1997 11:55:06 EDT", 880_127_706),
        Row("Fri, 21 Nov 1997 10:55:06 CDT", 880_127_706),
        Row("Fri, 21 Nov 1997 08:55:06 MST", 880_127_706),
        Row("Fri, 21 Nov 1997 09:55:06 MDT", 880_127_706),
        Row("Fri, 21 Nov 1997 07:55:06 PST", 880_127_706),
        Row("Fri, 21 Nov 1997 08:55:06 PDT", 880_127_706),
        // RFC 5322 §4.3: military zones are "-0000".
        Row("Fri, 21 Nov 1997 15:55:06 B", 880_127_706),
        Row("Fri, 21 Nov 1997 15:55:06", 880_127_706),
        Row("Fri, 21 Nov 1997 15:55 +0000", 880_127_700),
        Row("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", 880_127_706),
        Row("Fri, 21 Nov 1997 15:55:06 (comment \\) (nested)) +0000 (UTC)", 880_127_706),
        Row("Fri, 21 NOV 1997 15:55:06 +0000", 880_127_706),
        Row("Fri, 21 November 1997 15:55:06 +0000", 880_127_706),
        Row("Fri, 21-Nov-1997 15:55:06 +0000", 880_127_706),
        Row("Fri Nov 21 15:55:06 1997", 880_127_706),
        Row("Fri, 21 Nov 1997 09:55:06 -600", 880_127_706),
        Row("Fri, 21 Nov 097 15:55:06 +0000", 880_127_706),
        Row("Fri, 21 Nov 1997 15:55:06.789 +0000", 880_127_706),
        Row("Sat, 22 Nov 1997 05:40:06 +1345", 880_127_706),
        Row("1 Jan 1970 00:00:00 +0000", 0),
        Row("31 Dec 1969 23:59:59 +0000", -1),
        Row("29 Feb 2000 00:00:00 +0000", 951_782_400),
        Row("1 Jan 49 00:00:00 +0000", 2_493_072_000),
        Row("1 Jan 50 00:00:00 +0000", -631_152_000),
        Row("", nil),
        Row("Fri", nil),
        Row("yesterday", nil),
        Row("32 Nov 1997 00:00:00 +0000", nil),
        Row("21 Foo 1997 00:00:00 +0000", nil),
        Row("21 Nov 1997 25:00:00 +0000", nil),
        Row("21 Nov 1997 00:61:00 +0000", nil),
        Row("21 Nov 99999 00:00:00 +0000", nil),
        Row("99999999999999999999 Nov 1997", nil),
        Row(")(", nil),
    ]

    @Test(arguments: rows) func `Reads what mail writes`(row: Row) {
        #expect(RFC5322Date.parse(Array(row.text.utf8))?.seconds == row.seconds)
    }

    @Test func `Writes UTC and reads it back`() {
        #expect(RFC5322Date.format(Timestamp(seconds: 880_127_706)) == "Fri, 21 Nov 1997 15:55:06 +0000")
        #expect(RFC5322Date.format(Timestamp(seconds: -1)) == "Wed, 31 Dec 1969 23:59:59 +0000")
        for seconds in stride(from: -2_000_000_000 as Int64, to: 20_000_000_000, by: 86_399 * 997) {
            let time = Timestamp(seconds: seconds)
            #expect(RFC5322Date.parse(Array(RFC5322Date.format(time).utf8)) == time)
        }
    }
}
