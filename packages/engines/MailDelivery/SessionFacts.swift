package import MailModel

/// What is known of the client that a message came from; goes into its Received field, its trace and the log.
package struct SessionFacts: Sendable {
    /// Names the session in the log.
    package var session: String
    package var remote: IPAddress
    /// As the client called itself; printable, unverified.
    package var hello: String
    /// EHLO, not HELO.
    package var isExtended: Bool
    package var isEncrypted: Bool
    package var isAuthenticated: Bool

    package init(
        session: String,
        remote: IPAddress,
        hello: String,
        isExtended: Bool,
        isEncrypted: Bool,
        isAuthenticated: Bool
    ) {
        self.session = session
        self.remote = remote
        self.hello = hello
        self.isExtended = isExtended
        self.isEncrypted = isEncrypted
        self.isAuthenticated = isAuthenticated
    }

    /// The `with` clause: `ESMTPSA` and the like (RFC 3848, and RFC 6531 §4.3 for UTF-8 mail).
    func transmissionType(isUTF8: Bool) -> String {
        guard isExtended else { return "SMTP" }
        return (isUTF8 ? "UTF8SMTP" : "ESMTP") + (isEncrypted ? "S" : "") + (isAuthenticated ? "A" : "")
    }
}
