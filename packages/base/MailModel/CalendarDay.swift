/// A day of the Gregorian calendar in UTC.
package struct CalendarDay: Hashable, Comparable, Sendable {
    /// The last day that `init(dashed:)` reads: 9999-12-31.
    private static let last: Int64 = 2_932_896

    /// Days since 1970-01-01.
    package let number: Int64

    package init(number: Int64) { self.number = number }

    package init(_ moment: Timestamp) {
        let seconds = moment.seconds
        number = (seconds >= 0 ? seconds : seconds - 86_399) / 86_400
    }

    /// Reads `2026-01-31` (RFC 3339 §5.6: full-date) from 1970 on; nil for anything else, and for days that no month has.
    package init?(dashed text: String) {
        let bytes = Array(text.utf8.prefix(11))
        guard bytes.count == 10, bytes[4] == 45, bytes[7] == 45 else { return nil }
        var digits: [Int] = []
        for (place, byte) in bytes.enumerated() where place != 4 && place != 7 {
            guard (48...57).contains(byte) else { return nil }
            digits.append(Int(byte) - 48)
        }
        let year = digits[..<4].reduce(0) { $0 * 10 + $1 }
        let month = digits[4] * 10 + digits[5]
        let day = digits[6] * 10 + digits[7]
        guard year >= 1_970, (1...12).contains(month), (1...31).contains(day) else { return nil }
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        number = Int64(era * 146_097 + dayOfEra - 719_468)
        // The thirtieth of February would be a day of March.
        guard number <= Self.last, parts == (year, month, day) else { return nil }
    }

    private var parts: (year: Int, month: Int, day: Int) {
        // Eras of 400 years that begin on 1 March, so that leap days come last.
        let days = Int(number) + 719_468
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    /// `20260131`.
    package var compact: String {
        let (year, month, day) = parts
        return Self.padded(year, 4) + Self.padded(month, 2) + Self.padded(day, 2)
    }

    /// `2026-01-31`.
    package var dashed: String {
        let (year, month, day) = parts
        return Self.padded(year, 4) + "-" + Self.padded(month, 2) + "-" + Self.padded(day, 2)
    }

    package func adding(days: Int64) -> CalendarDay { CalendarDay(number: number + days) }

    package static func < (left: CalendarDay, right: CalendarDay) -> Bool { left.number < right.number }

    private static func padded(_ value: Int, _ width: Int) -> String {
        let digits = "\(value)"
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
