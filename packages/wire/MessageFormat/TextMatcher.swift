import ByteParsing

/// Finds a text in others without regard to case (RFC 9051 §6.4.4: i;ascii-casemap at least; letters beyond ASCII too).
package struct TextMatcher: Sendable {
    private let needle: [UInt8]
    /// Knuth, Morris and Pratt: how much of the needle still matches after a mismatch behind each octet.
    ///
    /// So the time is that
    /// of the text, whatever a client searches for.
    private let fallback: [Int]

    package init(_ text: String) {
        let needle = Self.folded(text)
        var fallback = [Int](repeating: 0, count: needle.count)
        var matched = 0
        for index in needle.indices.dropFirst() {
            while matched > 0, needle[matched] != needle[index] { matched = fallback[matched - 1] }
            if needle[matched] == needle[index] { matched += 1 }
            fallback[index] = matched
        }
        self.needle = needle
        self.fallback = fallback
    }

    package var isEmpty: Bool { needle.isEmpty }

    package func matches(_ text: String) -> Bool { matches(folded: Self.folded(text)) }

    /// `text` must be folded.
    package func matches(folded text: some RandomAccessCollection<UInt8>) -> Bool {
        guard !needle.isEmpty else { return true }
        var matched = 0
        for byte in text {
            while matched > 0, needle[matched] != byte { matched = fallback[matched - 1] }
            if needle[matched] == byte { matched += 1 }
            if matched == needle.count { return true }
        }
        return false
    }

    /// UTF-8 of the lower-case form.
    package static func folded(_ text: String) -> [UInt8] {
        var isASCII = true
        var output = text.utf8.map { byte -> UInt8 in
            if byte >= 128 { isASCII = false }
            return byte.asciiLowercased
        }
        if !isASCII { output = Array(text.lowercased().utf8) }
        return output
    }
}
