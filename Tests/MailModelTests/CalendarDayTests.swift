import MailModel
import Testing

@Suite struct CalendarDayTests {
    struct Sample: Sendable, CustomTestStringConvertible {
        var seconds: Int64
        var text: String
        var testDescription: String { text }
        init(_ seconds: Int64, _ text: String) { (self.seconds, self.text) = (seconds, text) }
    }

    static let samples: [Sample] = [
        Sample(0, "19700101"), Sample(-1, "19691231"), Sample(951_782_399, "20000228"), Sample(951_782_400, "20000229"),
        Sample(951_868_800, "20000301"), Sample(1_709_251_199, "20240229"), Sample(1_709_251_200, "20240301"),
        Sample(1_767_225_599, "20251231"), Sample(1_767_225_600, "20260101"), Sample(4_107_542_400, "21000301"),
        Sample(4_107_542_399, "21000228"),
    ]

    @Test("the day of a moment", arguments: samples)
    func day(_ sample: Sample) {
        #expect(CalendarDay(Timestamp(seconds: sample.seconds)).compact == sample.text)
    }

    @Test func `every day from 1970 on is read as it is written`() {
        for number in Int64(0)...80_000 {
            let day = CalendarDay(number: number)
            guard CalendarDay(dashed: day.dashed) == day else {
                Issue.record("\(day.dashed) is \(number)")
                return
            }
        }
        #expect(CalendarDay(dashed: "9999-12-31")?.adding(days: 1).dashed == "10000-01-01")
    }

    @Test(
        "what is no day is none",
        arguments: [
            "", "2026-11-5", "2026-11-255", "2026-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "2026-04-31",
            "1969-12-31",
            "2026/11/25", "2026-11-25T", "20261125", "+026-11-25", "2026-11-2\u{301}", "２０２６-11-25", "2026-11--1",
        ]
    )
    func noDay(_ text: String) {
        #expect(CalendarDay(dashed: text) == nil)
    }
}
