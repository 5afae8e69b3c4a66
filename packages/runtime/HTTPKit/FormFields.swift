import MailModel

/// Fields of a form or a query, decoded: `application/x-www-form-urlencoded`.
package struct FormFields: Sendable {
    /// Fields of one form.
    private static let most = 64

    /// The first value of each name.
    package private(set) var values: [String: String] = [:]
    /// A name that came more than once.
    package private(set) var repeated: String?

    /// nil for more than there may be.
    package init?(_ bytes: some Collection<UInt8>) {
        let parts = bytes.split(separator: 38)
        guard parts.count <= Self.most else { return nil }
        for part in parts {
            let pair = part.split(separator: 61, maxSplits: 1, omittingEmptySubsequences: false).map {
                PercentEncoding.decoded(String(decoding: $0.map { $0 == 43 ? 32 : $0 }, as: UTF8.self))
            }
            guard values[pair[0]] == nil else {
                repeated = pair[0]
                continue
            }
            values[pair[0]] = pair.count == 2 ? pair[1] : ""
        }
    }

    /// nil for a field that is not given, or is empty (RFC 6749 §3.1: as if it were not there).
    package subscript(_ name: String) -> String? { values[name].flatMap { $0.isEmpty ? nil : $0 } }

    /// Those that are not empty.
    package var given: [String: String] { values.filter { !$0.value.isEmpty } }
}

extension APIRequest {
    /// What is behind the `?`, as it was sent.
    package var queryText: String {
        String(decoding: target.utf8.drop { $0 != 63 }.dropFirst(), as: UTF8.self)
    }

    /// The query's fields; 400 for more than there may be.
    package func queryFields() throws(Problem) -> FormFields {
        guard let fields = FormFields(queryText.utf8) else {
            throw Problem(400, detail: "The query has too many fields.")
        }
        return fields
    }

    /// A form in the body; 415 for another kind of body.
    package func form() async throws(Problem) -> FormFields {
        let media = EmailAddress.lowercased(header("Content-Type") ?? "")
        guard media.utf8.starts(with: "application/x-www-form-urlencoded".utf8) else {
            throw Problem(415, detail: "The body must be application/x-www-form-urlencoded.")
        }
        guard let fields = FormFields(try await body()) else {
            throw Problem(400, detail: "The form has too many fields.")
        }
        return fields
    }

    /// The value of a cookie (RFC 6265 §4.2); nil when it is not sent, or twice.
    package func cookie(_ name: String) -> String? {
        var found: String?
        for part in (header("Cookie") ?? "").utf8.split(separator: 59) {
            let pair = part.drop { $0 == 32 }.split(separator: 61, maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2, pair[0].elementsEqual(name.utf8) else { continue }
            guard found == nil else { return nil }
            found = String(decoding: pair[1], as: UTF8.self)
        }
        return found
    }

    /// RFC 7617: user and password of `Authorization: Basic`, each decoded as forms are (RFC 6749 §2.3.1).
    package var basicCredentials: (user: String, password: String)? {
        let field = Array((header("Authorization") ?? "").utf8)
        guard field.count > 6, field.count <= 2_048,
            EmailAddress.lowercased(String(decoding: field[..<6], as: UTF8.self)) == "basic ",
            let plain = Base64Text.decode(field[6...].drop { $0 == 32 }), let colon = plain.firstIndex(of: 58)
        else { return nil }
        func decoded(_ bytes: ArraySlice<UInt8>) -> String {
            PercentEncoding.decoded(String(decoding: bytes.map { $0 == 43 ? 32 : $0 }, as: UTF8.self))
        }
        return (decoded(plain[..<colon]), decoded(plain[(colon + 1)...]))
    }
}

/// Base 64 with padding (RFC 4648 §4).
private enum Base64Text {
    /// nil for what is not in that form.
    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        let digits = text.prefix { $0 != 61 }
        guard text.count % 4 == 0, text.count - digits.count <= 2,
            text.dropFirst(digits.count).allSatisfy({ $0 == 61 })
        else { return nil }
        var bytes: [UInt8] = []
        var (bits, count) = (UInt32(0), 0)
        for digit in digits {
            guard let value = value(digit) else { return nil }
            bits = bits << 6 | value
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bytes
    }

    private static func value(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 65...90: UInt32(byte - 65)
        case 97...122: UInt32(byte - 71)
        case 48...57: UInt32(byte) + 4
        case 43: 62
        case 47: 63
        default: nil
        }
    }
}
