/// What a client sends (RFC 4616 §2 and LOGIN), before base 64.
package enum SASLClient {
    /// nil when user or password hold a NUL or are empty.
    package static func plain(user: String, password: Secret) -> [UInt8]? {
        guard isSendable(user.utf8), isSendable(password.bytes) else { return nil }
        return [0] + Array(user.utf8) + [0] + password.bytes
    }

    /// The answers to the two challenges of LOGIN; nil as for `plain`.
    package static func login(user: String, password: Secret) -> (user: [UInt8], password: [UInt8])? {
        guard isSendable(user.utf8), isSendable(password.bytes) else { return nil }
        return (Array(user.utf8), password.bytes)
    }

    private static func isSendable(_ bytes: some Collection<UInt8>) -> Bool { !bytes.isEmpty && !bytes.contains(0) }
}
