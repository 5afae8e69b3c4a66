import FoundationEssentials

/// Reads `.env` files: `NAME=value` lines, `#` comments, an optional `export`, single quotes (literal) and double
/// quotes (with `\n`, `\t`, `\"`, `\\`, `\$`).
///
/// Values do not run over lines; nothing is expanded.
package enum EnvironmentFile {
    /// Larger files are refused.
    package static let sizeLimit = 1 << 20

    /// The file's settings; nil when there is no such file.
    package static func read(_ path: String) throws(ConfigurationError) -> [String: String]? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let content = FileManager.default.contents(atPath: path) else {
            throw ConfigurationError(problems: ["\(path) cannot be read"])
        }
        guard content.count <= sizeLimit else {
            throw ConfigurationError(problems: ["\(path) is larger than \(sizeLimit) octets"])
        }
        return try parse(Array(content), name: path)
    }

    package static func parse(_ bytes: [UInt8], name: String) throws(ConfigurationError) -> [String: String] {
        var values: [String: String] = [:]
        var problems: [String] = []
        for (index, line) in bytes.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
            let text = trimmed(line)
            guard let first = text.first, first != UInt8(ascii: "#") else { continue }
            if let (key, value) = assignment(text) {
                values[key] = value
            } else {
                problems.append("\(name):\(index + 1) is not NAME=value")
            }
        }
        guard problems.isEmpty else { throw ConfigurationError(problems: problems) }
        return values
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let blank = { (byte: UInt8) in byte == 32 || byte == 9 || byte == 13 }
        var rest = bytes.drop(while: blank)
        while let last = rest.last, blank(last) { rest.removeLast() }
        return rest
    }

    private static func assignment(_ line: ArraySlice<UInt8>) -> (String, String)? {
        var line = line
        if line.starts(with: "export ".utf8) { line = trimmed(line.dropFirst(7)) }
        guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else { return nil }
        let name = trimmed(line[..<equals])
        guard let first = name.first, !(48...57).contains(first) else { return nil }
        guard
            name.allSatisfy({ $0 == 95 || (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) })
        else {
            return nil
        }
        guard let value = value(trimmed(line[(equals + 1)...])) else { return nil }
        return (String(decoding: name, as: UTF8.self), value)
    }

    private static func value(_ text: ArraySlice<UInt8>) -> String? {
        guard let quote = text.first, quote == 34 || quote == 39 else {
            // A `#` begins a comment only after a blank, so that passwords may contain one.
            var end = text.startIndex
            while end < text.endIndex {
                if text[end] == UInt8(ascii: "#"), end == text.startIndex || text[end - 1] == 32 || text[end - 1] == 9 {
                    break
                }
                end += 1
            }
            return String(decoding: trimmed(text[..<end]), as: UTF8.self)
        }
        var value: [UInt8] = []
        var rest = text.dropFirst()
        while let byte = rest.popFirst() {
            if byte == quote {
                let tail = trimmed(rest)
                return tail.isEmpty || tail.first == UInt8(ascii: "#") ? String(decoding: value, as: UTF8.self) : nil
            }
            guard byte == 92, quote == 34 else {
                value.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "n"): value.append(10)
            case UInt8(ascii: "t"): value.append(9)
            case let escaped? where [34, 36, 92, 96].contains(escaped): value.append(escaped)
            case let other?: value += [92, other]
            case nil: return nil
            }
        }
        return nil
    }
}
