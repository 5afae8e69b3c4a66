import ByteParsing

/// The parts of a date by the names of RFC 5260 §4.2.
enum SieveDatePart: String, Hashable, Sendable {
    case year, month, day, date, julian, hour, minute, second, time, iso8601, std11, zone, weekday

    init?(_ text: [UInt8]) { self.init(rawValue: String(decoding: text.map(\.asciiLowercased), as: UTF8.self)) }
}

/// A moment, and the zone that it is told in.
struct SieveDate: Hashable, Sendable {
    /// Seconds since 1970-01-01 in UTC.
    var seconds: Int64
    /// Minutes east of UTC.
    var zone: Int

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

    init(seconds: Int64, zone: Int) { (self.seconds, self.zone) = (seconds, zone) }

    /// The date of a header field: the whole value, or what follows the last semicolon, as in `Received`
    /// (RFC 5260 §4).
    init?(header value: [UInt8]) {
        let tail = value.lastIndex(of: ASCII.semicolon).map { Array(value[($0 + 1)...]) }
        guard let date = Self.parse(value) ?? tail.flatMap(Self.parse) else { return nil }
        self = date
    }

    /// `date-time = [ day-of-week "," ] date time [CFWS]` (RFC 5322 §3.3).
    private static func parse(_ text: [UInt8]) -> SieveDate? {
        var words = words(of: text)[...]
        if let first = words.first, !first[0].isASCIIDigit { words.removeFirst() }
        guard words.count >= 4 else { return nil }
        let at = words.startIndex
        guard let day = number(words[at]), let month = month(words[at + 1]), var year = number(words[at + 2]) else {
            return nil
        }
        // RFC 5322 §4.3: years of two and three digits.
        if words[at + 2].count == 2 { year += year < 50 ? 2_000 : 1_900 }
        if words[at + 2].count == 3 { year += 1_900 }
        let clock = words[at + 3].split(separator: ASCII.colon, omittingEmptySubsequences: false).map(number)
        guard clock.count == 2 || clock.count == 3, let hour = clock[0], let minute = clock[1],
            let second = clock.count == 3 ? clock[2] : 0, (1...31).contains(day), hour < 24, minute < 60, second <= 60,
            (1_000...9_999).contains(year)
        else { return nil }
        let zone = words.count > 4 ? Self.zone(words[at + 4]) ?? Self.named(words[at + 4]) : 0
        let local = days(year, month, day) * 86_400 + Int64(hour * 3_600 + minute * 60 + second)
        return SieveDate(seconds: local - Int64(zone) * 60, zone: zone)
    }

    /// Words without comments; commas are as good as space, and the colons of the time lose theirs.
    private static func words(of text: [UInt8]) -> [[UInt8]] {
        var words: [[UInt8]] = []
        var word: [UInt8] = []
        var depth = 0
        for byte in text {
            if byte == ASCII.leftParen { depth += 1 }
            if depth == 0, byte > 32, byte != ASCII.comma {
                word.append(byte)
            } else if !word.isEmpty {
                words.append(word)
                word = []
            }
            if byte == ASCII.rightParen, depth > 0 { depth -= 1 }
            if words.count > 8 { break }
        }
        return word.isEmpty ? words : words + [word]
    }

    private static func number(_ text: some Collection<UInt8>) -> Int? {
        guard !text.isEmpty, text.count <= 4, text.allSatisfy(\.isASCIIDigit) else { return nil }
        return text.reduce(0) { $0 * 10 + Int($1 - 48) }
    }

    private static func month(_ text: [UInt8]) -> Int? {
        months.firstIndex { text.equalsIgnoringASCIICase($0.utf8) }.map { $0 + 1 }
    }

    /// `zone = ("+" / "-") 4DIGIT`, in minutes.
    static func zone(_ text: [UInt8]) -> Int? {
        guard text.count == 5, text[0] == ASCII.plus || text[0] == ASCII.minus,
            let value = number(text[1...]), value % 100 < 60, value / 100 < 24
        else { return nil }
        let minutes = value / 100 * 60 + value % 100
        return text[0] == ASCII.minus ? -minutes : minutes
    }

    /// `obs-zone` (RFC 5322 §4.3); others are UTC.
    private static func named(_ text: [UInt8]) -> Int {
        let hours: [String: Int] = [
            "EDT": -4, "EST": -5, "CDT": -5, "CST": -6, "MDT": -6, "MST": -7, "PDT": -7, "PST": -8,
        ]
        return (hours[String(decoding: text.map(\.asciiUppercased), as: UTF8.self)] ?? 0) * 60
    }

    // MARK: - Telling

    func told(_ part: SieveDatePart) -> [UInt8] {
        let local = seconds + Int64(zone) * 60
        let day = local >= 0 ? local / 86_400 : (local + 1) / 86_400 - 1
        let rest = Int(local - day * 86_400)
        let (year, month, date) = Self.civil(day)
        let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60)
        let weekday = Int(((day + 4) % 7 + 7) % 7)
        let clock = "\(two(hour)):\(two(minute)):\(two(second))"
        let sign = zone < 0 ? "-" : "+"
        let (zoneHours, zoneMinutes) = (two(abs(zone) / 60), two(abs(zone) % 60))
        let text: String =
            switch part {
            case .year: four(year)
            case .month: two(month)
            case .day: two(date)
            case .date: "\(four(year))-\(two(month))-\(two(date))"
            // The Modified Julian Day of 1970-01-01 is 40587.
            case .julian: "\(day + 40_587)"
            case .hour: two(hour)
            case .minute: two(minute)
            case .second: two(second)
            case .time: clock
            case .iso8601: "\(four(year))-\(two(month))-\(two(date))T\(clock)\(sign)\(zoneHours):\(zoneMinutes)"
            case .std11:
                "\(Self.weekdays[weekday]), \(two(date)) \(Self.months[month - 1]) \(four(year)) \(clock) "
                    + "\(sign)\(zoneHours)\(zoneMinutes)"
            case .zone: "\(sign)\(zoneHours)\(zoneMinutes)"
            case .weekday: "\(weekday)"
            }
        return Array(text.utf8)
    }

    private func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }

    private func four(_ value: Int) -> String {
        String(repeating: "0", count: max(0, 4 - "\(value)".utf8.count)) + "\(value)"
    }

    /// Days since 1970-01-01 of a date of the Gregorian calendar.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int64 {
        let shifted = Int64(month <= 2 ? year - 1 : year)
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let ofEra = shifted - era * 400
        let ofYear = Int64((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1)
        return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
    }

    private static func civil(_ days: Int64) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let ofEra = shifted - era * 146_097
        let year = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * year + year / 4 - year / 100)
        let part = (5 * ofYear + 2) / 153
        let month = Int(part < 10 ? part + 3 : part - 9)
        return (Int(year + era * 400) + (month <= 2 ? 1 : 0), month, Int(ofYear - (153 * part + 2) / 5 + 1))
    }
}
