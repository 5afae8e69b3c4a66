/// Which passwords may be set.
///
/// Old ones are never checked against it.
package enum PasswordPolicy {
    /// NIST SP 800-63B §5.1.1.2: at least eight characters; no rules of composition.
    package static let minimumLength = 8
    /// Octets; what SASL and Argon2id take here.
    package static let maximumLength = 1_024

    /// Why the password is not acceptable; nil when it is.
    ///
    /// The text never repeats it.
    package static func objection(to password: String, address: String, allowWeak: Bool = false) -> String? {
        let length = password.utf8.count
        guard length > 0 else { return "the password is empty" }
        guard length <= maximumLength else { return "the password is longer than \(maximumLength) octets" }
        // RFC 8265 §4.1 and RFC 4616 §2: no control characters, NUL least of all.
        guard !password.utf8.contains(where: { $0 < 32 || $0 == 127 }) else {
            return "the password has control characters"
        }
        guard !allowWeak else { return nil }
        guard password.unicodeScalars.count >= minimumLength else {
            return "the password is shorter than \(minimumLength) characters"
        }
        guard password != address else { return "the password is the address" }
        return nil
    }
}
