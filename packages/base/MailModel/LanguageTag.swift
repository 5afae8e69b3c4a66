/// A language tag (RFC 5646 §2.1, BCP 47), well-formed, in the case that §2.1.1 recommends.
///
/// Grandfathered tags that do not follow the grammar (`i-klingon`) are not taken.
package struct LanguageTag: Hashable, Sendable, CustomStringConvertible {
    /// Octets: RFC 5646 §4.4.1 asks for 35 at least.
    package static let maximumLength = 63

    package let description: String

    /// ```
    /// langtag  = language ["-" script] ["-" region] *("-" variant) *("-" extension) ["-" privateuse]
    /// language = 2*3ALPHA *3("-" 3ALPHA) / 4ALPHA / 5*8ALPHA
    /// ```
    package init?(_ text: String) {
        guard (1...Self.maximumLength).contains(text.utf8.count) else { return nil }
        let parts = text.utf8.split(separator: 45, omittingEmptySubsequences: false).map { Array($0) }
        guard parts.allSatisfy({ (1...8).contains($0.count) && $0.allSatisfy(Self.isAlphanumeric) }) else { return nil }
        var reader = Reader(rest: parts.map { $0.map(Self.lowercased) }[...])
        guard reader.readTag() else { return nil }
        description = reader.written.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "-")
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(lowercased(byte)) }
    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool { (97...122).contains(byte) }
    private static func lowercased(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte | 32 : byte }
    private static func isWord(_ part: [UInt8], _ lengths: ClosedRange<Int>) -> Bool {
        lengths.contains(part.count) && part.allSatisfy(isLetter)
    }

    /// Takes subtags from the front, in lower case.
    private struct Reader {
        var rest: ArraySlice<[UInt8]>
        var written: [[UInt8]] = []

        mutating func readTag() -> Bool {
            if rest.first == [120] { return readPrivateUse() }
            guard let language = take({ isWord($0, 2...8) }) else { return false }
            if language.count <= 3 {
                for _ in 0..<3 { take { isWord($0, 3...3) } }
            }
            take({ isWord($0, 4...4) }, spelt: { [$0[0] & 0xDF] + $0.dropFirst() })
            take(
                { isWord($0, 2...2) || ($0.count == 3 && $0.allSatisfy(isDigit)) },
                spelt: { $0.map { isLetter($0) ? $0 & 0xDF : $0 } }
            )
            var variants: Set<[UInt8]> = []
            while let variant = take({ $0.count >= 5 || ($0.count == 4 && isDigit($0[0])) }) {
                // RFC 5646 §2.2.5: a variant is not repeated.
                guard variants.insert(variant).inserted else { return false }
            }
            var singletons: Set<[UInt8]> = []
            while let singleton = take({ $0.count == 1 && $0 != [120] }) {
                // RFC 5646 §2.2.6: neither is a singleton, and it has subtags.
                guard singletons.insert(singleton).inserted, take({ $0.count >= 2 }) != nil else { return false }
                while take({ $0.count >= 2 }) != nil { () }
            }
            return rest.isEmpty || readPrivateUse()
        }

        /// Takes all that is left: `privateuse = "x" 1*("-" (1*8alphanum))`.
        private mutating func readPrivateUse() -> Bool {
            guard rest.first == [120], rest.count >= 2 else { return false }
            written += rest
            rest = []
            return true
        }

        @discardableResult
        private mutating func take(
            _ isRight: ([UInt8]) -> Bool,
            spelt spell: ([UInt8]) -> [UInt8] = { $0 }
        ) -> [UInt8]? {
            guard let part = rest.first, isRight(part) else { return nil }
            rest = rest.dropFirst()
            written.append(spell(part))
            return part
        }
    }
}
