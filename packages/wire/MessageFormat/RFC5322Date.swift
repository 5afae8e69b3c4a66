import ByteParsing
package import MailModel

/// `date-time` of RFC 5322 §3.3, with the obsolete zones and two-digit years of §4.3.
package enum RFC5322Date {
    private static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"].map
    { Array($0.utf8) }
    private static let monthNames = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    private static let dayNames = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

    /// nil when it cannot be read.
    ///
    /// Words are taken for what they look like, so the order of `ctime`, `23-Nov-2026` and a missing zone do no harm.
    package static func parse(_ text: [UInt8]) -> Timestamp? {
        var fields = Fields()
        for word in words(text) { fields.take(word) }
        return fields.timestamp
    }

    private struct Fields {
        var day: Int?
        var month: Int?
        var year: Int?
        var time: (hour: Int, minute: Int, second: Int)?
        var zone: Int?

        mutating func take(_ word: [UInt8]) {
            guard let first = word.first else { return }
            if word.contains(ASCII.colon) {
                if time == nil { time = clock(word) }
            } else if first == ASCII.plus || first == ASCII.minus {
                if time != nil, zone == nil { zone = zoneMinutes(word) }
            } else if first.isASCIILetter {
                if month == nil, let index = months.firstIndex(where: { word.prefix(3).equalsIgnoringASCIICase($0) }) {
                    month = index + 1
                } else if time != nil, zone == nil {
                    zone = zoneMinutes(word)
                }
            } else if let value = number(word) {
                if day == nil, word.count <= 2 {
                    day = value
                } else if year == nil {
                    takeYear(value, digits: word.count)
                }
            } else {
                // 23-Nov-2026
                let parts = word.split(separator: ASCII.minus).prefix(3)
                if parts.count == 3 { for part in parts { take(Array(part)) } }
            }
        }

        /// RFC 5322 §4.3: two digits from 00 to 49 are of this century, three are years since 1900.
        private mutating func takeYear(_ value: Int, digits: Int) {
            year = digits <= 2 ? value + (value < 50 ? 2_000 : 1_900) : digits == 3 ? value + 1_900 : value
        }

        private func clock(_ word: [UInt8]) -> (hour: Int, minute: Int, second: Int)? {
            let parts = word.split(separator: ASCII.colon).map { number(Array($0.prefix { $0 != ASCII.dot })) }
            guard parts.count >= 2, parts.count <= 3, let hour = parts[0], let minute = parts[1] else { return nil }
            return (hour, minute, parts.count == 3 ? parts[2] ?? 0 : 0)
        }

        var timestamp: Timestamp? {
            let time = time ?? (0, 0, 0)
            guard let day, let month, let year, (1...31).contains(day), (1_900...9_999).contains(year),
                time.hour < 25, time.minute < 60, time.second < 62
            else { return nil }
            let clock = Int64(time.hour * 3_600 + time.minute * 60 + time.second)
            return Timestamp(seconds: days(year, month, day) * 86_400 + clock - Int64(zone ?? 0) * 60)
        }
    }

    /// `Mon, 23 Nov 2026 10:00:00 +0000`, always UTC.
    package static func format(_ time: Timestamp) -> String {
        let seconds = time.seconds
        let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let rest = Int(seconds - day * 86_400)
        let date = civil(day)
        let weekday = Int(((day + 4) % 7 + 7) % 7)
        let two = { (value: Int) in value < 10 ? "0\(value)" : "\(value)" }
        return "\(dayNames[weekday]), \(date.day) \(monthNames[date.month - 1]) \(date.year) "
            + "\(two(rest / 3_600)):\(two(rest / 60 % 60)):\(two(rest % 60)) +0000"
    }

    /// Days since 1970-01-01 of a Gregorian date.
    package static func days(_ year: Int, _ month: Int, _ day: Int) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let ofEra = year - era * 400
        let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return Int64(era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468)
    }

    /// The Gregorian date of a day since 1970-01-01.
    package static func civil(_ day: Int64) -> (year: Int, month: Int, day: Int) {
        let shifted = Int(day) + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let ofEra = shifted - era * 146_097
        let yearOfEra = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * ofYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, ofYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    /// Words without comments, commas taken as spaces.
    private static func words(_ text: [UInt8]) -> [[UInt8]] {
        var cursor = StructuredCursor(text)
        var words: [[UInt8]] = []
        let part = ByteClass { $0 > 32 && $0 != ASCII.comma && $0 != ASCII.leftParen }
        while words.count < 12 {
            cursor.skipSpaceAndComments()
            guard cursor.peek != nil else { break }
            let word = cursor.take(while: part)
            if word.isEmpty {
                cursor.advance()
            } else if let last = words.last?.last, last == ASCII.colon || word.first == ASCII.colon {
                // RFC 5322 §4.3: white space and comments may stand around the colons of a time.
                words[words.count - 1] += word
            } else {
                words.append(Array(word))
            }
        }
        return words
    }

    private static func number(_ text: [UInt8]) -> Int? {
        var cursor = ByteCursor(text)
        guard let value = cursor.number(maximum: 99_999), cursor.isAtEnd else { return nil }
        return Int(value)
    }

    /// `+hhmm` (also with digits left away), or a name of RFC 5322 §4.3; anything else is UTC.
    private static func zoneMinutes(_ text: [UInt8]) -> Int {
        if text[0] == ASCII.plus || text[0] == ASCII.minus {
            guard text.count <= 5, let value = number(Array(text[1...])) else { return 0 }
            let minutes = value / 100 * 60 + value % 100
            return text[0] == ASCII.minus ? -minutes : minutes
        }
        switch String(decoding: text.map(\.asciiLowercased), as: UTF8.self) {
        case "edt": return -240
        case "est", "cdt": return -300
        case "cst", "mdt": return -360
        case "mst", "pdt": return -420
        case "pst": return -480
        default: return 0
        }
    }
}
