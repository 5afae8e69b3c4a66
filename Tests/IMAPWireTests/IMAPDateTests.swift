import IMAPWire
import MailModel
import Testing

@Suite struct IMAPDateTests {
    struct Row: CustomTestStringConvertible {
        var text: String
        var seconds: Int64?
        init(_ text: String, _ seconds: Int64?) { (self.text, self.seconds) = (text, seconds) }
        var testDescription: String { text }
    }

    static let rows: [Row] = [
        Row("17-Jul-1996 02:44:25 -0700", 837_596_665), Row(" 1-Jan-1970 00:00:00 +0000", 0),
        Row("01-jan-1970 01:00:00 +0100", 0),
        Row("1-Jan-1970 00:00:00 +0000", 0), Row("31-Dec-1969 23:59:59 +0000", -1),
        Row("29-Feb-2000 00:00:00 +0000", 951_782_400),
        Row("", nil), Row("17-Jul-1996", nil), Row("32-Jul-1996 02:44:25 -0700", nil),
        Row("17-Jul-1996 24:00:00 +0000", nil), Row("17-Foo-1996 02:44:25 -0700", nil),
        Row("17-Jul-1996 02:44:25", nil), Row("17-Jul-1996 02:44:25 0700", nil),
        Row("17-Jul-1996 02:44:25 -0700x", nil), Row("17-Jul-99999 02:44:25 -0700", nil),
        Row("0-Jul-1996 02:44:25 -0700", nil), Row("17-Jul-1996 02:60:25 -0700", nil),
    ]

    @Test(arguments: rows) func `Reads date-time`(row: Row) {
        #expect(IMAPDate.parse(Array(row.text.utf8))?.seconds == row.seconds)
    }

    @Test func `Writes 26 octets in UTC`() {
        #expect(
            String(decoding: IMAPDate.format(Timestamp(seconds: 837_596_665)), as: UTF8.self)
                == "17-Jul-1996 09:44:25 +0000"
        )
        #expect(String(decoding: IMAPDate.format(Timestamp(seconds: 0)), as: UTF8.self) == " 1-Jan-1970 00:00:00 +0000")
        for seconds in [Int64.min / 1_000_000, -1, 4_102_444_800, 1_000_000_000_000, Int64.max / 1_000_000] {
            #expect(IMAPDate.format(Timestamp(seconds: seconds)).count == 26)
        }
        for seconds in stride(from: -3_000_000_000 as Int64, to: 30_000_000_000, by: 86_399 * 1_009) {
            #expect(IMAPDate.parse(IMAPDate.format(Timestamp(seconds: seconds)))?.seconds == seconds)
        }
    }

    @Test func `Days count from 1970`() {
        #expect(IMAPDate.parseDay(Array("1-Jan-1970".utf8)) == 0)
        #expect(IMAPDate.parseDay(Array("01-FEB-1994".utf8)) == 8_797)
        #expect(IMAPDate.parseDay(Array("1-Feb-1994 ".utf8)) == nil)
        #expect(IMAPDate.parseDay(Array("Feb-1-1994".utf8)) == nil)
    }
}
