/// Names for the octets that protocols are made of.
@usableFromInline package enum ASCII {
    @inlinable @inline(__always) package static var tab: UInt8 { 9 }
    @inlinable @inline(__always) package static var lf: UInt8 { 10 }
    @inlinable @inline(__always) package static var cr: UInt8 { 13 }
    @inlinable @inline(__always) package static var space: UInt8 { 32 }
    @inlinable @inline(__always) package static var quote: UInt8 { 34 }
    @inlinable @inline(__always) package static var percent: UInt8 { 37 }
    @inlinable @inline(__always) package static var leftParen: UInt8 { 40 }
    @inlinable @inline(__always) package static var rightParen: UInt8 { 41 }
    @inlinable @inline(__always) package static var star: UInt8 { 42 }
    @inlinable @inline(__always) package static var plus: UInt8 { 43 }
    @inlinable @inline(__always) package static var comma: UInt8 { 44 }
    @inlinable @inline(__always) package static var minus: UInt8 { 45 }
    @inlinable @inline(__always) package static var dot: UInt8 { 46 }
    @inlinable @inline(__always) package static var slash: UInt8 { 47 }
    @inlinable @inline(__always) package static var colon: UInt8 { 58 }
    @inlinable @inline(__always) package static var semicolon: UInt8 { 59 }
    @inlinable @inline(__always) package static var less: UInt8 { 60 }
    @inlinable @inline(__always) package static var equal: UInt8 { 61 }
    @inlinable @inline(__always) package static var greater: UInt8 { 62 }
    @inlinable @inline(__always) package static var question: UInt8 { 63 }
    @inlinable @inline(__always) package static var at: UInt8 { 64 }
    @inlinable @inline(__always) package static var leftBracket: UInt8 { 91 }
    @inlinable @inline(__always) package static var backslash: UInt8 { 92 }
    @inlinable @inline(__always) package static var rightBracket: UInt8 { 93 }
    @inlinable @inline(__always) package static var leftBrace: UInt8 { 123 }
    @inlinable @inline(__always) package static var rightBrace: UInt8 { 125 }
    @inlinable @inline(__always) package static var tilde: UInt8 { 126 }
    @inlinable @inline(__always) package static var delete: UInt8 { 127 }
}

extension UInt8 {
    /// ASCII letter in lower case; any other octet as it is.
    @inlinable @inline(__always) package var asciiLowercased: UInt8 { self >= 65 && self <= 90 ? self | 32 : self }
    /// ASCII letter in upper case; any other octet as it is.
    @inlinable @inline(__always) package var asciiUppercased: UInt8 { self >= 97 && self <= 122 ? self & 0xDF : self }
    @inlinable @inline(__always) package var isASCIIDigit: Bool { self >= 48 && self <= 57 }
    @inlinable @inline(__always) package var isASCIILetter: Bool { (self | 32) >= 97 && (self | 32) <= 122 }
    @inlinable @inline(__always) package var isASCIIAlphanumeric: Bool { isASCIIDigit || isASCIILetter }
    @inlinable @inline(__always) package var isASCIIWhitespace: Bool { self == 32 || self == 9 }
    /// CTL of RFC 5234: 0–31 and 127.
    @inlinable @inline(__always) package var isASCIIControl: Bool { self < 32 || self == 127 }
    /// 0 to 15, or nil when it is no hexadecimal digit.
    @inlinable package var hexDigitValue: UInt8? {
        if isASCIIDigit { return self - 48 }
        let lower = self | 32
        return lower >= 97 && lower <= 102 ? lower - 87 : nil
    }
}

/// A set of octets as a bit table: membership in one load and one shift.
///
/// `@usableFromInline` on the types of this module is what lets other modules inline their `package` members.
@usableFromInline package struct ByteClass: Sendable {
    @usableFromInline let low: UInt64
    @usableFromInline let second: UInt64
    @usableFromInline let third: UInt64
    @usableFromInline let fourth: UInt64

    package init(where isMember: (UInt8) -> Bool) {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        for value in 0..<256 where isMember(UInt8(value)) {
            let bit = UInt64(1) << UInt64(value & 63)
            switch value >> 6 {
            case 0: words.0 |= bit
            case 1: words.1 |= bit
            case 2: words.2 |= bit
            default: words.3 |= bit
            }
        }
        (low, second, third, fourth) = words
    }

    @inlinable @inline(__always) package func contains(_ byte: UInt8) -> Bool {
        let word = byte < 128 ? (byte < 64 ? low : second) : (byte < 192 ? third : fourth)
        return (word >> UInt64(byte & 63)) & 1 == 1
    }
}

extension Collection<UInt8> {
    /// Equal but for the case of ASCII letters.
    ///
    /// `lowercased` must be in lower case.
    @inlinable package func equalsIgnoringASCIICase(_ lowercased: StaticString) -> Bool {
        guard count == lowercased.utf8CodeUnitCount else { return false }
        return lowercased.withUTF8Buffer { other in
            unsafe zip(self, other).allSatisfy { $0.asciiLowercased == $1 }
        }
    }

    /// Equal but for the case of ASCII letters.
    @inlinable package func equalsIgnoringASCIICase(_ other: some Collection<UInt8>) -> Bool {
        count == other.count && zip(self, other).allSatisfy { $0.asciiLowercased == $1.asciiLowercased }
    }
}
