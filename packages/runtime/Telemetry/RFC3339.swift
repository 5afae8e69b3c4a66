package import MailModel

/// RFC 3339 §5.6 date-time in UTC.
package enum RFC3339 {
    /// `2026-02-03T04:05:06.789Z`.
    package static func text(_ time: Timestamp) -> String { String(decoding: bytes(time), as: UTF8.self) }

    /// `2026-02-03T04:05:06Z`, for people.
    package static func wholeSeconds(_ time: Timestamp) -> String {
        String(decoding: bytes(time).prefix(19), as: UTF8.self) + "Z"
    }

    /// Reads a date-time from 1970 on, of any offset; what is finer than a microsecond is cut.
    ///
    /// - Returns: nil for anything else, and for days that no month has.
    package static func read(_ text: String) -> Timestamp? {
        let bytes = Array(text.utf8.prefix(longest + 1))
        // 2026-02-03T04:05:06 and at least Z.
        guard (20...longest).contains(bytes.count), bytes[10] | 32 == UInt8(ascii: "t"),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            let day = CalendarDay(dashed: String(decoding: bytes[..<10], as: UTF8.self)),
            let hour = number(bytes[11...12], upTo: 23), let minute = number(bytes[14...15], upTo: 59),
            let second = number(bytes[17...18], upTo: 60)
        else { return nil }
        var rest = bytes[19...]
        var fraction: Int64 = 0
        if rest.first == UInt8(ascii: ".") {
            let digits = rest.dropFirst().prefix { (48...57).contains($0) }
            guard !digits.isEmpty else { return nil }
            for place in 0..<6 {
                fraction = fraction * 10 + (place < digits.count ? Int64(digits[digits.startIndex + place] - 48) : 0)
            }
            rest = rest[digits.endIndex...]
        }
        guard let offset = offset(rest) else { return nil }
        let seconds = day.number * 86_400 + hour * 3_600 + minute * 60 + second - offset
        return Timestamp(microseconds: seconds * 1_000_000 + fraction)
    }

    /// Octets that are read: a fraction of nine digits.
    private static let longest = 35

    /// Seconds before UTC: `Z`, `+01:00`, `-03:30`.
    private static func offset(_ bytes: ArraySlice<UInt8>) -> Int64? {
        guard let sign = bytes.first else { return nil }
        if sign | 32 == UInt8(ascii: "z") { return bytes.count == 1 ? 0 : nil }
        let rest = Array(bytes.dropFirst())
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), rest.count == 5, rest[2] == UInt8(ascii: ":"),
            let hours = number(rest[..<2], upTo: 23), let minutes = number(rest[3...], upTo: 59)
        else { return nil }
        return (sign == UInt8(ascii: "-") ? -1 : 1) * (hours * 3_600 + minutes * 60)
    }

    private static func number(_ digits: some Collection<UInt8>, upTo limit: Int64) -> Int64? {
        guard digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        let value = digits.reduce(Int64(0)) { $0 * 10 + Int64($1 - 48) }
        return value <= limit ? value : nil
    }

    package static func bytes(_ time: Timestamp) -> [UInt8] {
        let seconds = time.seconds
        let milliseconds = (time.microseconds - seconds * 1_000_000) / 1_000
        let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let clock = seconds - days * 86_400
        let (year, month, day) = civil(days)
        var text: [UInt8] = []
        text.reserveCapacity(24)
        append(year, digits: 4, to: &text)
        text.append(UInt8(ascii: "-"))
        append(month, digits: 2, to: &text)
        text.append(UInt8(ascii: "-"))
        append(day, digits: 2, to: &text)
        text.append(UInt8(ascii: "T"))
        append(clock / 3_600, digits: 2, to: &text)
        text.append(UInt8(ascii: ":"))
        append(clock / 60 % 60, digits: 2, to: &text)
        text.append(UInt8(ascii: ":"))
        append(clock % 60, digits: 2, to: &text)
        text.append(UInt8(ascii: "."))
        append(milliseconds, digits: 3, to: &text)
        text.append(UInt8(ascii: "Z"))
        return text
    }

    private static func append(_ value: Int64, digits: Int, to text: inout [UInt8]) {
        var divisor: Int64 = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            text.append(48 + UInt8(value / divisor % 10))
            divisor /= 10
        }
    }

    /// Days since 1970-01-01 to the proleptic Gregorian date (era arithmetic: 146,097 days in 400 years).
    private static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}
