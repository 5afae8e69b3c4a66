import MailCrypto
package import MailModel
package import MailPorts
import SenderAuth

/// Keys that come from elsewhere and go there.
extension DomainLife {
    /// RFC 8301 §3.2: "Verifiers MUST NOT consider signatures using RSA keys of less than 1024 bits as valid", signers use
    /// 2048 at least; longer ones than 4096 do not fit where many verifiers look.
    package static let importedBits = 2_048...4_096

    /// Takes a private key that the owner has used elsewhere; it waits as a new one does until it is seen in DNS.
    ///
    /// `.refused` for a key that is not RSA of 2,048 to 4,096 bits or Ed25519 in PEM without a passphrase, for what is no
    /// selector, and when another key of that algorithm waits; `.alreadyExists` when the domain has the selector.
    package func importKey(
        _ pem: [UInt8],
        selector: String,
        of domain: String,
        actor: Actor,
        now: Timestamp
    ) async throws(StoreError) -> DKIMKey {
        let name = EmailAddress.lowercased(domain)
        let known = try await keys(of: name)
        let selector = EmailAddress.lowercased(selector)
        guard Self.isSelector(selector, of: name) else {
            throw .refused("a selector has labels of letters, digits and hyphens, such as s2026")
        }
        guard FixedSelector.all(of: .rsaSHA256).allSatisfy({ $0.name != selector }),
            FixedSelector.all(of: .ed25519SHA256).allSatisfy({ $0.name != selector })
        else { throw .refused("this selector is kept for keys that the operator publishes") }
        let key = try Self.read(pem)
        guard !known.contains(where: { $0.state == .published && $0.algorithm == key.algorithm }) else {
            throw .refused("a new key waits to be published already")
        }
        guard !known.contains(where: { $0.selector == selector }) else { throw .alreadyExists }
        let made: DKIMKey
        do throws(CryptoError) {
            made = DKIMKey(
                domain: name,
                selector: selector,
                algorithm: key.algorithm,
                sealedPrivateKey: try key.sealed(with: service.master),
                publicKey: try key.publicKey(),
                createdAt: now,
                state: .published
            )
        } catch {
            throw .unavailable(reportID: "dkim-import")
        }
        let audit = event("dkim.import", name, nil, actor, now, "\"selector\":\"\(Self.plain(selector))\"")
        try await store.addKeys([made], of: name, audit: audit)
        return made
    }

    /// The private key in PEM (PKCS #8), for who leaves; audited before it is given.
    ///
    /// `.notFound`, or `.refused` when the master key is not the one that sealed it.
    package func exportKey(
        _ selector: String,
        of domain: String,
        actor: Actor,
        now: Timestamp
    ) async throws(StoreError) -> [UInt8] {
        let name = EmailAddress.lowercased(domain)
        guard let key = try await keys(of: name).first(where: { $0.selector == selector }) else { throw .notFound }
        let text: [UInt8]
        do throws(CryptoError) {
            text = try DKIMPrivateKey(unsealing: key, with: service.master).pem()
        } catch {
            throw .refused("the key does not open with this master key")
        }
        try await directory.recordAudit(
            event("dkim.export", name, nil, actor, now, "\"selector\":\"\(Self.plain(selector))\"")
        )
        return text
    }

    private static func read(_ pem: [UInt8]) throws(StoreError) -> DKIMPrivateKey {
        guard let read = try? PrivateKeyPEM(pem) else {
            throw .refused("this is no private key in PEM: RSA or Ed25519, PKCS #8 or PKCS #1, without a passphrase")
        }
        switch read {
        case .rsa(let key, let bits):
            guard importedBits.contains(bits) else {
                throw .refused(
                    "the RSA key has \(bits) bits: \(importedBits.lowerBound) to \(importedBits.upperBound) are taken"
                )
            }
            return .rsa(key)
        case .ed25519(let key): return .ed25519(key)
        }
    }

    /// RFC 6376 §3.1: labels between dots; the whole name must fit into DNS.
    static func isSelector(_ selector: String, of domain: String) -> Bool {
        guard "\(selector)._domainkey.\(domain)".utf8.count <= 253 else { return false }
        return selector.utf8.split(separator: 46, omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.count) && label.first != 45 && label.last != 45
                && label.allSatisfy { (48...57).contains($0) || (97...122).contains($0) || $0 == 45 }
        }
    }
}
