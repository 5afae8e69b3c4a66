import ByteParsing

/// Finds a footer in what a thread quotes.
enum FooterSearch {
    /// Without white space, marks of quoting and no-break spaces, which programs set anew when they quote.
    static func squeezed(_ text: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte == 0xC2, index + 1 < text.count, text[index + 1] == 0xA0 {
                index += 2
                continue
            }
            if byte > 32, byte != ASCII.greater { output.append(byte) }
            index += 1
        }
        return output
    }

    /// Whether the octets are in the text, in linear time (Knuth, Morris, Pratt); nothing is in everything.
    static func contains(_ text: [UInt8], _ wanted: [UInt8]) -> Bool {
        guard !wanted.isEmpty else { return true }
        guard wanted.count <= text.count else { return false }
        var back = [Int](repeating: 0, count: wanted.count)
        var length = 0
        for index in 1..<wanted.count {
            while length > 0, wanted[index] != wanted[length] { length = back[length - 1] }
            if wanted[index] == wanted[length] { length += 1 }
            back[index] = length
        }
        length = 0
        for byte in text {
            while length > 0, byte != wanted[length] { length = back[length - 1] }
            if byte == wanted[length] { length += 1 }
            if length == wanted.count { return true }
        }
        return false
    }

    /// Where the last of them begins; `word` in lower case.
    static func last(_ word: String, in text: [UInt8]) -> Int? {
        let word = Array(word.utf8)
        guard text.count >= word.count else { return nil }
        return (0...(text.count - word.count)).reversed().first { place in
            text[place] == word[0] && text[place..<(place + word.count)].equalsIgnoringASCIICase(word)
        }
    }
}
