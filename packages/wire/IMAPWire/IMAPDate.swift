import ByteParsing
package import MailModel

/// `date` and `date-time` (RFC 9051 §9).
package enum IMAPDate {
    private static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"].map
    { Array($0.utf8) }
    private static let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"].map
    { Array($0.utf8) }

    /// `date-day "-" date-month "-" date-year`, as days since 1970-01-01.
    package static func parseDay(_ text: [UInt8]) -> Int64? {
        var cursor = ByteCursor(text)
        guard let day = day(&cursor), cursor.isAtEnd else { return nil }
        return day
    }

    private static func day(_ cursor: inout ByteCursor) -> Int64? {
        _ = cursor.skip(ASCII.space)
        guard let day = cursor.number(maximum: 31), day >= 1, cursor.skip(ASCII.minus), let name = cursor.take(3),
            let month = months.firstIndex(where: { name.equalsIgnoringASCIICase($0) }), cursor.skip(ASCII.minus),
            let year = cursor.number(maximum: 9_999), year >= 1
        else { return nil }
        return days(Int(year), month + 1, Int(day))
    }

    /// `dd-Mon-yyyy hh:mm:ss +zzzz`.
    package static func parse(_ text: [UInt8]) -> Timestamp? {
        var cursor = ByteCursor(text)
        guard let day = day(&cursor), cursor.skip(ASCII.space), let hour = cursor.number(maximum: 23),
            cursor.skip(ASCII.colon),
            let minute = cursor.number(maximum: 59), cursor.skip(ASCII.colon), let second = cursor.number(maximum: 60),
            cursor.skip(ASCII.space), let sign = cursor.next(), sign == ASCII.plus || sign == ASCII.minus,
            let zone = cursor.number(maximum: 9_999), cursor.isAtEnd
        else { return nil }
        let offset = Int64(zone / 100 * 60 + zone % 100) * 60 * (sign == ASCII.minus ? -1 : 1)
        return Timestamp(seconds: day * 86_400 + Int64(hour * 3_600 + minute * 60 + second) - offset)
    }

    /// 26 octets in UTC, without quotes.
    package static func format(_ time: Timestamp) -> [UInt8] {
        let seconds = time.seconds
        let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let rest = Int(seconds - day * 86_400)
        let date = civil(day)
        // Four digits, whatever a clock or a client said.
        let year = min(max(date.year, 0), 9_999)
        func two(_ value: Int) -> [UInt8] { [UInt8(48 + value / 10), UInt8(48 + value % 10)] }
        let dayText = date.day < 10 ? [ASCII.space, UInt8(48 + date.day)] : two(date.day)
        return dayText + [ASCII.minus] + names[date.month - 1] + [ASCII.minus] + two(year / 100) + two(year % 100) + [
            ASCII.space
        ]
            + two(rest / 3_600) + [ASCII.colon] + two(rest / 60 % 60) + [ASCII.colon] + two(rest % 60)
            + Array(" +0000".utf8)
    }

    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = year / 400
        let ofEra = year - era * 400
        let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return Int64(era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468)
    }

    private static func civil(_ day: Int64) -> (year: Int, month: Int, day: Int) {
        let shifted = Int(day) + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let ofEra = shifted - era * 146_097
        let yearOfEra = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * ofYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, ofYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}
