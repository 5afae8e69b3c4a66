import Telemetry

/// Takes out of an error report what must not leave: only metadata that is known to be harmless goes, and in what goes every
/// address is masked.
enum ReportScrubber {
    /// Octets of one value.
    static let valueLimit = 500

    /// Metadata by its names.
    ///
    /// Not among them: senders, recipients, clients' addresses, sessions, paths with names in them.
    static let harmless: Set<String> = [
        "report", "request_id", "queue_id", "service", "error", "cause", "status", "method", "task", "redis", "s3",
        "opensearch", "node", "attempt", "count", "documents", "finding", "version",
    ]

    static func fields(_ fields: [String: String]) -> [String: String] {
        fields.filter { harmless.contains($0.key) }.mapValues { text($0) }
    }

    /// Every word with an at sign becomes `[address]`, every IP address `[ip]`; control characters become `?`.
    static func text(_ text: String) -> String {
        var output: [UInt8] = []
        for word in words(Array(text.utf8.prefix(4 * valueLimit))) {
            if word.contains(UInt8(ascii: "@")) {
                output += "[address]".utf8
            } else if isAddress(word) {
                output += "[ip]".utf8
            } else {
                output += word.map { $0 < 32 || $0 == 127 ? UInt8(ascii: "?") : $0 }
            }
            guard output.count < valueLimit else { break }
        }
        return String(decoding: output.prefix(valueLimit), as: UTF8.self)
    }

    /// Runs of what can be in an address, and single other octets between them.
    private static func words(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var words: [ArraySlice<UInt8>] = []
        var start = 0
        for (place, byte) in bytes.enumerated() where !isPart(byte) {
            if start < place { words.append(bytes[start..<place]) }
            words.append(bytes[place...place])
            start = place + 1
        }
        if start < bytes.count { words.append(bytes[start...]) }
        return words
    }

    private static let separators = Set("<>()[]{}\",;/=|'".utf8)

    private static func isPart(_ byte: UInt8) -> Bool { byte > 32 && byte != 127 && !separators.contains(byte) }

    /// Four numbers between points, with or without a port; or three groups of hexadecimal digits between colons at least.
    private static func isAddress(_ word: ArraySlice<UInt8>) -> Bool {
        let host = word.prefix { $0 != UInt8(ascii: ":") }
        let numbers = host.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if numbers.count == 4,
            numbers.allSatisfy({ (1...3).contains($0.count) && $0.allSatisfy { (48...57).contains($0) } })
        {
            return true
        }
        let groups = word.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        let isHexadecimal = { (byte: UInt8) in
            (48...57).contains(byte) || (65...70).contains(byte) || (97...102).contains(byte)
        }
        return groups.count >= 3 && groups.contains { !$0.isEmpty }
            && groups.allSatisfy { $0.count <= 4 && $0.allSatisfy(isHexadecimal) }
    }
}
