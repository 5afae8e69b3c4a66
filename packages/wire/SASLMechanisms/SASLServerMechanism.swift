/// The mechanisms a server offers; all of them show the password to the server, so all of them need TLS.
package enum SASLServerMechanism: String, Hashable, Sendable, CaseIterable {
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
}
