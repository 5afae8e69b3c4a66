import MailCrypto
package import MailModel
package import MailPorts

/// Programs that register themselves, of which nothing is stored: a `client_id` holds what was registered, and proves that it
/// was registered here.
///
/// Invariants: the same metadata is the same client, whoever registers it (RFC 7591 §3.2.1 allows one identifier for several
/// instances); what is read out of an identifier is checked as strictly as what was registered.
package struct ClientRegistrar: Sendable {
    private static let beginning = "self-"
    private static let version: UInt8 = 1
    /// Octets of the proof, of those of HMAC-SHA-256 (RFC 2104 §5: half of them at least).
    private static let proofLength = 16
    /// By the bits of an identifier: appended to, never changed.
    private static let scopes: [OAuthScope] = [
        .openid, .email, .profile, .offlineAccess, .imap, .smtp, .jmap, .pop, .sieve,
    ]
    /// The name of a program that gave none.
    package static let nameless = "Mail program"

    private let key: [UInt8]
    /// The same on all replicas.
    package let known: KnownMailClients

    /// - Parameter secret: one of the platform's, the same on all replicas.
    package init(secret: [UInt8], known: KnownMailClients = .standard) {
        self.known = known
        key = HMACSHA256.authenticate(Array("oonrumail self-registered clients".utf8), key: secret)
    }

    /// The client of this metadata.
    package func register(_ metadata: ClientMetadata, now: Timestamp) -> OAuthClient {
        let owner = metadata.redirectURIs.lazy.compactMap { known.owner(ofRedirect: $0)?.name }.first
        let redirects = Set(metadata.redirectURIs.compactMap { known.normalised(redirect: $0) })
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return client(metadata.name ?? owner ?? Self.nameless, redirects, metadata.scopes, now)
    }

    /// The client that an identifier holds; nil for one that is not of this provider's making.
    package func client(_ id: String, now: Timestamp) -> OAuthClient? {
        guard id.utf8.count <= OAuthClient.longestID, id.utf8.starts(with: Self.beginning.utf8) else { return nil }
        guard let bytes = Base64URL.decode(id.utf8.dropFirst(Self.beginning.utf8.count)),
            bytes.count > Self.proofLength + 4
        else { return nil }
        let content = Array(bytes[Self.proofLength...])
        guard constantTimeEqual(proof(content), Array(bytes[..<Self.proofLength])) else { return nil }
        let nameEnd = 4 + Int(content[3])
        guard content[0] == Self.version, nameEnd < content.count,
            let name = String(validating: content[4..<nameEnd], as: UTF8.self)
        else { return nil }
        let redirects = content[nameEnd...].split(separator: 32).map { String(decoding: $0, as: UTF8.self) }
        // A program may be known no more.
        guard !redirects.isEmpty, redirects.allSatisfy({ known.normalised(redirect: $0) == $0 }) else {
            return nil
        }
        let bits = Int(content[1]) << 8 | Int(content[2])
        let scopes = Self.scopes.enumerated().filter { bits & 1 << $0.offset != 0 }.map(\.element)
        let client = client(name, redirects, scopes, now)
        // One identifier for one client: another spelling of its octets is none.
        return client.id.utf8.elementsEqual(id.utf8) ? client : nil
    }

    private func client(
        _ name: String,
        _ redirects: [String],
        _ scopes: [OAuthScope],
        _ now: Timestamp
    ) -> OAuthClient {
        var bits = 0
        for (index, scope) in Self.scopes.enumerated() where scopes.contains(scope) { bits |= 1 << index }
        let content =
            [Self.version, UInt8(bits >> 8), UInt8(bits & 255), UInt8(name.utf8.count)] + Array(name.utf8)
            + Array(redirects.joined(separator: " ").utf8)
        return OAuthClient(
            id: Self.beginning + Base64URL.encode(proof(content) + content),
            organisation: nil,
            name: name,
            secretHash: nil,
            redirectURIs: redirects,
            scopes: OAuthScope.allCases.filter(scopes.contains).map(\.rawValue),
            isSelfRegistered: true,
            createdAt: now,
            createdBy: "registration"
        )
    }

    private func proof(_ content: [UInt8]) -> [UInt8] {
        Array(HMACSHA256.authenticate(content, key: key).prefix(Self.proofLength))
    }
}
