import ByteParsing
package import MailPorts

/// A public key as a domain publishes it (RFC 6376 §3.6.1), read or to be written.
package struct DKIMRecord: Hashable, Sendable {
    package enum KeyType: String, Sendable { case rsa, ed25519 }

    package var keyType: KeyType
    /// Empty: the key is revoked.
    package var publicKey: [UInt8]
    /// `t=y`: the domain is testing.
    package var isTesting = false
    /// `t=s`: `i=` must be of the very domain of `d=`.
    package var isStrict = false

    package init(_ key: DKIMKey) {
        publicKey = key.publicKey
        keyType =
            switch key.algorithm {
            case .rsaSHA256: .rsa
            case .ed25519SHA256: .ed25519
            }
    }

    /// nil when it is no key for e-mail signatures over SHA-256.
    package init?(_ text: String) {
        guard let tags = DKIMTagList(Array(text.utf8)) else { return nil }
        // RFC 6376 §3.6.1: `v=` "MUST be the first tag in the record" if it is there, and DKIM1.
        if let version = tags.text("v") {
            guard version == "DKIM1", tags.names.first == "v" else { return nil }
        }
        guard let keyType = KeyType(rawValue: tags.text("k") ?? "rsa"), let encoded = tags.compact("p"),
            let key = Base64.decode(encoded)
        else { return nil }
        if let hashes = tags.list("h"), !hashes.contains("sha256") { return nil }
        if let services = tags.list("s"), !services.contains("*"), !services.contains("email") { return nil }
        let flags = tags.list("t") ?? []
        self.keyType = keyType
        publicKey = key
        isTesting = flags.contains("y")
        isStrict = flags.contains("s")
    }

    /// The TXT record's text.
    package var text: String {
        "v=DKIM1; k=\(keyType.rawValue); p=\(String(decoding: Base64.encode(publicKey), as: UTF8.self))"
    }
}
