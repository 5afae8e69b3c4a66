package import MailModel
import Telemetry

/// What filters say.
extension ListQuery {
    /// One of the words; nil: whatever.
    ///
    /// - Throws: 400 that names them.
    package func choice(_ name: String, of words: [String]) throws(Problem) -> String? {
        guard let text = filters[name] else { return nil }
        guard words.contains(where: { $0.utf8.elementsEqual(text.utf8) }) else {
            throw Problem(.badRequest, detail: "The query's \(name) takes \(words.joined(separator: ", ")).")
        }
        return text
    }

    /// One of the type's words; nil: whatever.
    ///
    /// - Throws: 400 that names them.
    package func choice<Word: RawRepresentable & CaseIterable>(
        _ name: String
    ) throws(Problem) -> Word? where Word.RawValue == String {
        try choice(name, of: Word.allCases.map(\.rawValue)).flatMap { Word(rawValue: $0) }
    }

    /// - Throws: 400 unless it is `true`, `false` or not given.
    package func truth(_ name: String) throws(Problem) -> Bool? {
        try choice(name, of: ["true", "false"]).map { $0.utf8.first == UInt8(ascii: "t") }
    }

    /// - Throws: 400 unless it is a number above zero or not given.
    package func number(_ name: String) throws(Problem) -> Int64? {
        guard let text = filters[name] else { return nil }
        guard let number = Int64(text), number > 0 else {
            throw Problem(.badRequest, detail: "The query's \(name) takes a number above zero.")
        }
        return number
    }

    /// - Throws: 400 unless it is a time (RFC 3339) or not given.
    package func moment(_ name: String) throws(Problem) -> Timestamp? {
        guard let text = filters[name] else { return nil }
        guard let moment = RFC3339.read(text) else {
            throw Problem(.badRequest, detail: "The query's \(name) takes a time such as 2026-11-25T00:00:00Z.")
        }
        return moment
    }

    /// An address or a domain, or how one begins, as lookups write it; nil: whatever.
    package func name(_ name: String) -> String? { filters[name].map { EmailAddress.lowercased($0) } }

    /// Whether the filter is a part of one of these, without regard to the case of ASCII letters; so it is when it is not given.
    package func finds(_ name: String = "text", in texts: String?...) -> Bool {
        guard let text = filters[name], !text.isEmpty else { return true }
        let part = Array(EmailAddress.lowercased(text).utf8)
        return texts.contains { whole in
            guard let whole else { return false }
            return Array(EmailAddress.lowercased(whole).utf8).contains(part)
        }
    }
}
