package import MailPorts
import SafeHTML

package struct SignatureLimits: Sendable {
    /// Octets of a text.
    package static let text = 10_000
    /// Octets of HTML.
    package static let html = 32_768
}

/// What signatures may be, and what becomes of them in a message.
package enum SignatureRules {
    /// What stands for the name and the address of who writes, in the signature of a domain.
    static let placeholders = ["name", "email"]

    /// The signature as it is kept, its HTML reduced to what shows text.
    ///
    /// - Parameters:
    ///   - member: what it is called where it was given, with what parts it from its own members; empty for a document of its own.
    ///   - takesPlaceholders: `{name}` and `{email}` stand for who writes; other words between braces are faults.
    /// - Throws: `.fieldRefused` with the member.
    package static func checked(
        _ signature: MailSignature,
        in member: String = "",
        takesPlaceholders: Bool = false
    ) throws(AccountError) -> MailSignature {
        guard signature.text != nil || signature.html != nil else {
            throw .fieldRefused(
                "\(member)text",
                "A signature has text or HTML; one that is empty on purpose, an empty text."
            )
        }
        for (name, value, limit) in [
            ("text", signature.text, SignatureLimits.text), ("html", signature.html, SignatureLimits.html),
        ] {
            guard let value else { continue }
            guard value.utf8.count <= limit else {
                throw .fieldRefused(member + name, "It has at most \(limit) octets.")
            }
            guard value.utf8.allSatisfy({ ($0 >= 32 || $0 == 10 || $0 == 13 || $0 == 9) && $0 != 127 }) else {
                throw .fieldRefused(member + name, "It has no control characters but tabs and line ends.")
            }
            if takesPlaceholders, let unknown = unknownPlaceholder(in: value) {
                let known = placeholders.map { "{\($0)}" }.joined(separator: " and ")
                throw .fieldRefused(member + name, "There is no {\(unknown)}: \(known) stand for who writes.")
            }
        }
        var kept = signature
        kept.text = signature.text.map(lines)
        kept.html = signature.html.map { HTMLSanitizer.sanitized($0) }
        if let html = signature.html, !html.utf8.isEmpty, kept.html?.utf8.isEmpty == true {
            throw .fieldRefused("\(member)html", "Nothing of it may be shown; none on purpose is an empty text.")
        }
        return kept
    }

    /// With CR LF and CR as LF.
    private static func lines(_ text: String) -> String {
        var (output, isAfterCR): ([UInt8], Bool) = ([], false)
        for byte in text.utf8 {
            if byte == 13 {
                output.append(10)
            } else if byte != 10 || !isAfterCR {
                output.append(byte)
            }
            isAfterCR = byte == 13
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// Both forms of it: what is missing is made of the other.
    static func whole(_ signature: MailSignature) -> (text: String, html: String) {
        (
            signature.text ?? HTMLText.lines(shownBy: signature.html ?? ""),
            signature.html ?? HTMLText.html(ofLines: signature.text ?? "")
        )
    }

    /// With the name and the address of who writes; the address for both where there is no name.
    static func filled(_ signature: MailSignature, name: String, email: String) -> MailSignature {
        let values = [name.utf8.isEmpty ? email : name, email]
        return MailSignature(
            text: signature.text.map { filled($0) { Array(values[$0].utf8) } },
            html: signature.html.map { html in
                filled(html) { place in
                    var escaped: [UInt8] = []
                    HTMLText.escape(values[place].utf8, into: &escaped)
                    return escaped
                }
            }
        )
    }

    private static func filled(_ text: String, value: (Int) -> [UInt8]) -> String {
        var (output, rest): ([UInt8], Substring.UTF8View) = ([], Substring(text).utf8)
        while let byte = rest.first {
            if let word = word(at: rest), let place = placeholders.firstIndex(of: word) {
                output += value(place)
                rest = rest.dropFirst(word.utf8.count + 2)
            } else {
                output.append(byte)
                rest = rest.dropFirst()
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static func unknownPlaceholder(in text: String) -> String? {
        var rest = Substring(text).utf8
        while !rest.isEmpty {
            if let word = word(at: rest), !placeholders.contains(word) { return word }
            rest = rest.dropFirst()
        }
        return nil
    }

    /// A word of small letters and `_` between braces.
    private static func word(at text: Substring.UTF8View) -> String? {
        guard text.first == UInt8(ascii: "{") else { return nil }
        let word = text.dropFirst().prefix { (97...122).contains($0) || $0 == 95 }
        guard !word.isEmpty, text.dropFirst(word.count + 1).first == UInt8(ascii: "}") else { return nil }
        return String(decoding: word, as: UTF8.self)
    }
}
