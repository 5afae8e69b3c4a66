import MailModel
import OpenIDWire

/// What a program says of itself when it registers (RFC 7591 §2), as far as it is understood and allowed here.
///
/// Invariants: it is a public client of the authorization code flow; every address is a known mail program's
/// (`KnownMailClients`); the name is printable ASCII and does not look like the platform's. What is not understood is ignored
/// (RFC 7591 §2).
package struct ClientMetadata: Hashable, Sendable {
    /// Octets of the document.
    package static let longest = 16_384
    /// Octets of a name.
    package static let longestName = 48
    /// Addresses that a program registers.
    package static let mostRedirects = 5
    /// Octets of all addresses together, as they are kept.
    package static let longestRedirects = 200
    /// What every one of them may do (RFC 7591 §2); a device's code would be asked for from afar, by whoever sends a link.
    package static let grantTypes = ["authorization_code", "refresh_token"]

    /// nil: none was given, or one that is not shown.
    package let name: String?
    /// As they were given, each once.
    package let redirectURIs: [String]
    /// In the order of `OAuthScope`.
    package let scopes: [OAuthScope]

    /// - Parameter issuer: the provider's address, which a name must not look like.
    package init(
        _ document: [UInt8],
        issuer: String,
        known: KnownMailClients = .standard
    ) throws(RegistrationFault) {
        guard document.count <= Self.longest else {
            throw RegistrationFault(.invalidClientMetadata, "the document has at most \(Self.longest) octets")
        }
        guard let value = JSONValue(document), case .object(let members) = value else {
            throw RegistrationFault(.invalidClientMetadata, "the document is a JSON object that names nothing twice")
        }
        // RFC 7591 §2: a member that is null is as if it were not there.
        let given = members.filter { $0.value != .null }
        guard given["software_statement"] == nil else {
            throw RegistrationFault(.invalidSoftwareStatement, "software statements are not taken")
        }
        try Self.demand(given)
        name = try Self.name(given["client_name"], issuer: issuer)
        redirectURIs = try Self.redirects(given["redirect_uris"], known)
        scopes = try Self.scopes(given["scope"])
    }

    /// How it proves itself and what flow it follows.
    private static func demand(_ given: [String: JSONValue]) throws(RegistrationFault) {
        if let method = given["token_endpoint_auth_method"] {
            guard method == .text("none") else {
                throw RegistrationFault(.invalidClientMetadata, "the token_endpoint_auth_method is none")
            }
        }
        if let types = given["grant_types"] {
            guard let texts = types.texts, texts.contains(grantTypes[0]), texts.allSatisfy(grantTypes.contains) else {
                throw RegistrationFault(
                    .invalidClientMetadata,
                    "the grant_types are authorization_code and refresh_token"
                )
            }
        }
        if let types = given["response_types"] {
            guard let texts = types.texts, !texts.isEmpty, texts.allSatisfy({ $0 == "code" }) else {
                throw RegistrationFault(.invalidClientMetadata, "the response_types are code")
            }
        }
    }

    // MARK: - Name

    private static func name(_ value: JSONValue?, issuer: String) throws(RegistrationFault) -> String? {
        guard let value else { return nil }
        guard let name = value.text, (1...longestName).contains(name.utf8.count) else {
            throw RegistrationFault(.invalidClientMetadata, "the client_name has 1 to \(longestName) octets")
        }
        guard name.unicodeScalars.allSatisfy({ $0.value >= 32 && !(127...159).contains($0.value) }) else {
            throw RegistrationFault(.invalidClientMetadata, "the client_name has no control characters")
        }
        // Letters of other scripts look like these, and marks of direction and width are not seen: such a name is not shown.
        guard name.utf8.allSatisfy({ $0 < 127 }), name.utf8.contains(where: isLetterOrDigit) else { return nil }
        guard !looksLikePlatform(name, issuer: issuer) else {
            throw RegistrationFault(.invalidClientMetadata, "the client_name looks like the platform's own")
        }
        return name
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (97...122).contains(byte | 32) && byte >= 65
    }

    private static func looksLikePlatform(_ name: String, issuer: String) -> Bool {
        let host = Array(issuer.utf8.split(separator: 47).last ?? issuer.utf8[...]).prefix { $0 != 58 }
        return contains(fold(name.utf8), fold("oonrumail".utf8))
            || host.count > 1 && contains(Array(EmailAddress.lowercased(name).utf8), Array(host))
    }

    /// Letters and digits alone, those that look alike as one.
    private static func fold(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var folded: [UInt8] = []
        for byte in bytes {
            let next: UInt8
            switch byte {
            case UInt8(ascii: "0"): next = UInt8(ascii: "o")
            case UInt8(ascii: "1"), UInt8(ascii: "|"), UInt8(ascii: "!"), UInt8(ascii: "i"), UInt8(ascii: "I"),
                UInt8(ascii: "j"), UInt8(ascii: "J"):
                next = UInt8(ascii: "l")
            case UInt8(ascii: "4"), UInt8(ascii: "@"): next = UInt8(ascii: "a")
            case UInt8(ascii: "v"), UInt8(ascii: "V"): next = UInt8(ascii: "u")
            case _ where isLetterOrDigit(byte): next = (65...90).contains(byte) ? byte | 32 : byte
            default: continue
            }
            if next == UInt8(ascii: "n"), folded.last == UInt8(ascii: "r") {
                folded[folded.count - 1] = UInt8(ascii: "m")
            } else {
                folded.append(next)
            }
        }
        return folded
    }

    private static func contains(_ text: [UInt8], _ part: [UInt8]) -> Bool {
        guard !part.isEmpty, text.count >= part.count else { return false }
        return (0...(text.count - part.count)).contains { text[$0...].starts(with: part) }
    }

    // MARK: - Addresses and scopes

    private static func redirects(
        _ value: JSONValue?,
        _ known: KnownMailClients
    ) throws(RegistrationFault) -> [String] {
        guard let texts = value?.texts, (1...mostRedirects).contains(texts.count) else {
            throw RegistrationFault(.invalidRedirectURI, "redirect_uris is a list of 1 to \(mostRedirects) addresses")
        }
        var unique: [String] = []
        for text in texts {
            guard known.normalised(redirect: text) != nil else {
                throw RegistrationFault(
                    .invalidRedirectURI,
                    "a redirect address is http:// and a loopback address, or one of a known mail program's scheme"
                )
            }
            if !unique.contains(text) { unique.append(text) }
        }
        let kept = unique.compactMap { known.normalised(redirect: $0) }
        guard kept.reduce(kept.count - 1, { $0 + $1.utf8.count }) <= longestRedirects else {
            throw RegistrationFault(.invalidRedirectURI, "the addresses are too long together")
        }
        return unique
    }

    /// RFC 7591 §2: without a scope the server chooses: all that a mail program could ask people for.
    private static func scopes(_ value: JSONValue?) throws(RegistrationFault) -> [OAuthScope] {
        guard let value else { return OAuthScope.allCases }
        guard let words = value.text.flatMap(OAuthScope.words) else {
            throw RegistrationFault(.invalidClientMetadata, "the scope is words between blanks")
        }
        let known = OAuthScope.expanded(words)
        let scopes = OAuthScope.allCases.filter { known.contains($0.rawValue) }
        guard !scopes.isEmpty else {
            throw RegistrationFault(.invalidClientMetadata, "the scope names nothing that is known")
        }
        return scopes
    }
}
