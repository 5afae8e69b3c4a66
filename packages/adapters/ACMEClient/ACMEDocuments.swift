/// What an ACME server says (RFC 8555 §7.1).
struct ACMEDirectory: Decodable, Sendable {
    struct Meta: Decodable, Sendable {
        var externalAccountRequired: Bool?
    }
    var newNonce: String
    var newAccount: String
    var newOrder: String
    var meta: Meta?
}

struct ACMEIdentifier: Codable, Sendable {
    var type = "dns"
    var value: String
}

struct ACMEOrder: Decodable, Sendable {
    /// `pending`, `ready`, `processing`, `valid` or `invalid`.
    var status: String
    var authorizations: [String]
    var finalize: String
    var certificate: String?
    var error: ACMEProblem?
}

struct ACMEAuthorization: Decodable, Sendable {
    struct Challenge: Decodable, Sendable {
        var type: String
        var url: String
        var token: String?
        var error: ACMEProblem?
    }
    var identifier: ACMEIdentifier
    /// `pending`, `valid`, `invalid`, `deactivated`, `expired` or `revoked`.
    var status: String
    var challenges: [Challenge]
}

/// RFC 8555 §6.7.
struct ACMEProblem: Decodable, Sendable {
    struct Part: Decodable, Sendable {
        var detail: String?
        var identifier: ACMEIdentifier?
    }
    var type: String?
    var detail: String?
    var subproblems: [Part]?

    static let badNonce = "urn:ietf:params:acme:error:badNonce"

    /// One line, printable.
    var text: String {
        let kind = type.map { $0.split(separator: ":").last.map(String.init) ?? $0 } ?? "error"
        let parts = (subproblems ?? []).prefix(5).map { "\($0.identifier?.value ?? "-"): \($0.detail ?? "-")" }
        let all = ([detail ?? "no reason given"] + parts).joined(separator: "; ")
        return "\(kind): \(Self.printable(all))"
    }

    private static func printable(_ text: String) -> String {
        let shown = text.unicodeScalars.prefix(400).map { $0.value < 32 || $0.value == 127 ? " " : String($0) }
        return shown.joined()
    }
}

struct NewAccount: Encodable {
    var termsOfServiceAgreed = true
    var contact: [String]
}

struct NewOrder: Encodable {
    var identifiers: [ACMEIdentifier]
}

struct Finalization: Encodable {
    var csr: String
}

/// `{}`: the challenge may be looked at (RFC 8555 §7.5.1).
struct Ready: Encodable {}
