import MailModel
import MailQueue
import Testing

@Suite struct RetryScheduleTests {
    struct Interval: Sendable {
        let attempts: Int
        let seconds: Int64
        init(_ attempts: Int, _ seconds: Int64) { (self.attempts, self.seconds) = (attempts, seconds) }
    }

    @Test(arguments: [
        Interval(0, 300), Interval(1, 300), Interval(2, 600), Interval(3, 1_200), Interval(6, 9_600),
        Interval(7, 14_400),
        Interval(50, 14_400), Interval(Int.max, 14_400),
    ])
    func intervalsDoubleUpToTheLongest(_ row: Interval) {
        #expect(RetrySchedule().interval(afterAttempts: row.attempts) == .seconds(row.seconds))
    }

    @Test func hugeSettingsDoNotOverflow() {
        var schedule = RetrySchedule()
        schedule.first = .seconds(86_400 * 365)
        schedule.maximum = .seconds(86_400 * 3_650)
        #expect(schedule.interval(afterAttempts: 64) == schedule.maximum)
    }

    @Test(arguments: [0.0, 0.25, 0.5, 0.75, 1.0])
    func chanceVariesByATenth(_ chance: Double) {
        let now = Timestamp(seconds: 1_000)
        let next = RetrySchedule().next(after: now, attempts: 1, expiresAt: now.adding(seconds: 10_000), chance: chance)
        #expect(next.microseconds == now.microseconds + Int64(300_000_000 * (0.9 + 0.2 * chance)))
    }

    @Test func theLastAttemptIsMadeWhenMailExpires() {
        let now = Timestamp(seconds: 1_000)
        let expiry = now.adding(seconds: 100)
        #expect(RetrySchedule().next(after: now, attempts: 5, expiresAt: expiry, chance: 0.5) == expiry)
    }

    @Test func neverInThePast() {
        let now = Timestamp(seconds: 1_000)
        #expect(RetrySchedule().next(after: now, attempts: 1, expiresAt: Timestamp(seconds: 5), chance: 0) > now)
    }
}
