/// An IPv4 or IPv6 address by its bytes: 4 or 16 of them.
package struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    package let bytes: [UInt8]

    package init?(bytes: [UInt8]) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        // RFC 4291 §2.5.5.2: ::ffff:a.b.c.d is that IPv4 address.
        let mapped = bytes.count == 16 && bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 255 && bytes[11] == 255
        self.bytes = mapped ? Array(bytes[12...]) : bytes
    }

    package var isIPv4: Bool { bytes.count == 4 }

    package var isLoopback: Bool {
        isIPv4 ? bytes[0] == 127 : bytes[..<15].allSatisfy { $0 == 0 } && bytes[15] == 1
    }

    /// Dotted decimal, or RFC 5952 form.
    package var description: String {
        guard !isIPv4 else { return bytes.map { "\($0)" }.joined(separator: ".") }
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        var best = 0..<0
        var index = 0
        while index < 8 {
            var end = index
            while end < 8, groups[end] == 0 { end += 1 }
            if end - index > best.count, end - index > 1 { best = index..<end }
            index = max(end, index + 1)
        }
        let text = { (part: ArraySlice<UInt16>) in part.map { String($0, radix: 16) }.joined(separator: ":") }
        return best.isEmpty
            ? text(groups[...]) : text(groups[..<best.lowerBound]) + "::" + text(groups[best.upperBound...])
    }
}

extension IPAddress {
    /// Dotted decimal with four parts, or any RFC 4291 §2.2 form; nil for anything else.
    package init?(_ text: String) {
        let parts = text.utf8.split(separator: 46, omittingEmptySubsequences: false)
        if parts.count == 4, !text.utf8.contains(58) {
            // Digits alone: the initialiser of an integer would take a sign.
            let values = parts.compactMap { part in
                (1...3).contains(part.count) && part.allSatisfy { (48...57).contains($0) }
                    ? UInt8(String(decoding: part, as: UTF8.self)) : nil
            }
            guard values.count == 4 else { return nil }
            self.init(bytes: values)
            return
        }
        guard let bytes = Self.parseIPv6(Array(text.utf8)) else { return nil }
        self.init(bytes: bytes)
    }

    private static func parseIPv6(_ text: [UInt8]) -> [UInt8]? {
        var groups: [[UInt8]] = text.split(separator: 58, omittingEmptySubsequences: false).map(Array.init)
        guard groups.count >= 3 else { return nil }
        var tail: [UInt8] = []
        if let last = groups.last, last.contains(46) {
            guard let quad = IPAddress(String(decoding: last, as: UTF8.self)), quad.isIPv4 else { return nil }
            tail = quad.bytes
            groups[groups.count - 1] = []
            if groups.count >= 2, !groups[groups.count - 2].isEmpty { groups.removeLast() }
        }
        if groups[0].isEmpty {
            guard groups[1].isEmpty else { return nil }
            groups.removeFirst()
        }
        if tail.isEmpty, groups[groups.count - 1].isEmpty {
            guard groups.count >= 2, groups[groups.count - 2].isEmpty else { return nil }
            groups.removeLast()
        } else if !tail.isEmpty, groups.count >= 2, groups[groups.count - 1].isEmpty, groups[groups.count - 2].isEmpty {
            groups.removeLast()
        }
        let gaps = groups.count { $0.isEmpty }
        guard gaps <= 1 else { return nil }
        var front: [UInt8] = []
        var back: [UInt8] = []
        var afterGap = false
        for group in groups {
            if group.isEmpty {
                afterGap = true
                continue
            }
            guard group.count <= 4, group.first != 43, group.first != 45,
                let value = UInt16(String(decoding: group, as: UTF8.self), radix: 16)
            else { return nil }
            let pair = [UInt8(value >> 8), UInt8(value & 255)]
            if afterGap { back += pair } else { front += pair }
        }
        back += tail
        let missing = 16 - front.count - back.count
        guard gaps == 1 ? missing >= 2 : missing == 0 else { return nil }
        return front + [UInt8](repeating: 0, count: missing) + back
    }
}
