import ByteParsing

/// A mailbox name as Unicode, decoded from UTF-8 or the modified UTF-7 of RFC 3501 §5.1.3.
package struct MailboxName: Hashable, Sendable {
    package var text: String
    package init(_ text: String) { self.text = text }

    /// From the wire.
    ///
    /// Octets over 127 are UTF-8; otherwise `&…-` is modified UTF-7, left as it is where it is not valid,
    /// or when the client has enabled UTF8=ACCEPT or IMAP4rev2. nil for what is no UTF-8 or has control characters.
    package init?(wire bytes: [UInt8], isUTF8: Bool) {
        guard let plain = String(validating: bytes, as: UTF8.self) else { return nil }
        let text = isUTF8 ? plain : Self.decodeUTF7(bytes) ?? plain
        // RFC 9051 §5.1: no control characters (Net-Unicode, RFC 5198 §2).
        guard !text.utf8.contains(where: \.isASCIIControl) else { return nil }
        self.text = text
    }

    /// For the wire: modified UTF-7 unless the client takes UTF-8.
    package func wire(isUTF8: Bool) -> [UInt8] { isUTF8 ? Array(text.utf8) : Self.encodeUTF7(text) }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,".utf8)

    static func encodeUTF7(_ text: String) -> [UInt8] {
        guard text.utf8.contains(where: { $0 >= 127 || $0 < 32 || $0 == 38 }) else { return Array(text.utf8) }
        var output: [UInt8] = []
        var units: [UInt16] = []
        func flush() {
            guard !units.isEmpty else { return }
            output.append(38)
            var bits: UInt32 = 0
            var count = 0
            for unit in units {
                bits = bits << 16 | UInt32(unit)
                count += 16
                while count >= 6 {
                    count -= 6
                    output.append(alphabet[Int(bits >> UInt32(count) & 63)])
                    bits &= (1 << UInt32(count)) - 1
                }
            }
            if count > 0 { output.append(alphabet[Int(bits << UInt32(6 - count) & 63)]) }
            output.append(ASCII.minus)
            units = []
        }
        for scalar in text.unicodeScalars {
            if scalar.value >= 32, scalar.value < 127 {
                flush()
                output.append(UInt8(scalar.value))
                if scalar.value == 38 { output.append(ASCII.minus) }
            } else {
                units.append(contentsOf: String(scalar).utf16)
            }
        }
        flush()
        return output
    }

    /// nil when it is not valid modified UTF-7.
    static func decodeUTF7(_ bytes: [UInt8]) -> String? {
        guard bytes.contains(38) else { return String(validating: bytes, as: UTF8.self) }
        var output = ""
        var plain: [UInt8] = []
        var index = 0
        while index < bytes.count {
            guard bytes[index] == 38 else {
                plain.append(bytes[index])
                index += 1
                continue
            }
            guard let end = bytes[index...].firstIndex(of: ASCII.minus) else { return nil }
            let code = bytes[(index + 1)..<end]
            index = end + 1
            if code.isEmpty {
                plain.append(38)
                continue
            }
            guard let head = String(validating: plain, as: UTF8.self) else { return nil }
            output += head
            plain = []
            var bits: UInt32 = 0
            var count = 0
            var units: [UInt16] = []
            for byte in code {
                guard let value = alphabet.firstIndex(of: byte) else { return nil }
                bits = bits << 6 | UInt32(value)
                count += 6
                if count >= 16 {
                    count -= 16
                    units.append(UInt16(truncatingIfNeeded: bits >> UInt32(count)))
                    bits &= (1 << UInt32(count)) - 1
                }
            }
            // RFC 3501 §5.1.3: not for printable ASCII, and no null shifts: one name has one form.
            guard bits == 0, count < 6, !units.isEmpty, !units.contains(where: { (32...126).contains($0) }),
                index == bytes.count || bytes[index] != 38
                    || (index + 1 < bytes.count && bytes[index + 1] == ASCII.minus),
                let text = String(validating: units, as: UTF16.self)
            else { return nil }
            output += text
        }
        guard let tail = String(validating: plain, as: UTF8.self) else { return nil }
        return output + tail
    }
}

/// LIST's wildcards (RFC 9051 §6.3.9): `*` matches everything, `%` everything but the hierarchy separator.
package struct MailboxPattern: Sendable {
    private let pattern: [UInt8]

    package init(_ text: String) {
        // Runs of `*` cost and mean as much as one.
        var pattern: [UInt8] = []
        for byte in text.utf8 where !(byte == ASCII.star && pattern.last == ASCII.star) { pattern.append(byte) }
        self.pattern = pattern
    }

    /// INBOX matches in any case of letters.
    package func matches(_ name: String) -> Bool {
        let text = Array(name.utf8)
        if text.equalsIgnoringASCIICase("inbox") {
            return Self.match(pattern.map(\.asciiLowercased), text.map(\.asciiLowercased))
        }
        return Self.match(pattern, text)
    }

    /// Row by row over the pattern: time is pattern × name, whatever the wildcards.
    private static func match(_ pattern: [UInt8], _ text: [UInt8]) -> Bool {
        var row = [Bool](repeating: false, count: text.count + 1)
        row[0] = true
        for byte in pattern {
            var next = [Bool](repeating: false, count: text.count + 1)
            if byte == ASCII.star || byte == ASCII.percent {
                var isOpen = false
                for index in 0...text.count {
                    if index > 0, byte == ASCII.percent, text[index - 1] == ASCII.slash { isOpen = false }
                    isOpen = isOpen || row[index]
                    next[index] = isOpen
                }
            } else {
                for index in 0..<text.count where row[index] && text[index] == byte { next[index + 1] = true }
            }
            row = next
        }
        return row[text.count]
    }
}
