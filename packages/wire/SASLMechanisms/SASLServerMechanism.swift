/// The mechanisms of the server; all but SCRAM show a secret to it, so all are taken under TLS only.
package enum SASLServerMechanism: String, Hashable, Sendable, CaseIterable {
    /// RFC 5802, RFC 7677: the password is proven, not sent.
    case scramSHA256 = "SCRAM-SHA-256"
    /// RFC 7628: an access token.
    case oauthBearer = "OAUTHBEARER"
    /// The form of OAUTHBEARER from before the standard, which many clients speak alone.
    case xoauth2 = "XOAUTH2"
    /// RFC 4616.
    case plain = "PLAIN"
    /// draft-murchison-sasl-login: no standard, still the only one of some clients.
    case login = "LOGIN"

    /// In any case of letters (RFC 4422 §3.1 names are upper case; clients differ).
    package init?(name: some StringProtocol) {
        for mechanism in Self.allCases
        where mechanism.rawValue.utf8.elementsEqual(name.utf8.map { $0 >= 97 && $0 <= 122 ? $0 & 0xDF : $0 }) {
            self = mechanism
            return
        }
        return nil
    }

    /// What is announced.
    ///
    /// SCRAM proves app passwords only, because the account's own password is kept in a form that no SCRAM proof can be
    /// checked against. Clients that choose by themselves take the strongest name they see, and would fail with the own
    /// password; so it is announced only where the operator says that clients have app passwords, and taken wherever a
    /// client asks for it by name.
    package static func announced(withSCRAM: Bool) -> [String] {
        allCases.filter { withSCRAM || $0 != .scramSHA256 }.sorted { $0.rank < $1.rank }.map(\.rawValue)
    }

    /// Clients that take the first name they know and have no token must find PLAIN first.
    private var rank: Int {
        switch self {
        case .scramSHA256: 0
        case .plain: 1
        case .login: 2
        case .oauthBearer: 3
        case .xoauth2: 4
        }
    }
}
