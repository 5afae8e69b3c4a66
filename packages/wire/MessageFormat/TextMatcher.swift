import ByteParsing

/// Finds a text in others without regard to case (RFC 9051 §6.4.4: i;ascii-casemap at least; letters beyond ASCII too).
package struct TextMatcher: Sendable {
    private let needle: [UInt8]

    package init(_ text: String) { needle = Self.folded(text) }

    package var isEmpty: Bool { needle.isEmpty }

    package func matches(_ text: String) -> Bool { Self.contains(Self.folded(text), needle) }

    /// `text` must be folded.
    package func matches(folded text: some RandomAccessCollection<UInt8>) -> Bool { Self.contains(text, needle) }

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

    private static func contains(_ text: some RandomAccessCollection<UInt8>, _ needle: [UInt8]) -> Bool {
        guard let first = needle.first else { return true }
        let count = text.count
        guard count >= needle.count else { return false }
        var index = text.startIndex
        let last = text.index(text.endIndex, offsetBy: -needle.count)
        while index <= last {
            if text[index] == first, text[index..<text.index(index, offsetBy: needle.count)].elementsEqual(needle) { return true }
            index = text.index(after: index)
        }
        return false
    }
}
