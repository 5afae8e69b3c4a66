import MailCrypto
package import MailModel
package import MailPorts

/// Why a client could not be registered or changed; every text may be shown to the one who asked.
package enum ClientRegistryError: Error, Equatable, Sendable {
    case refused(_ field: String, String)
    case store(StoreError)
}

/// What is said of a client when it is registered.
package struct ClientOrder: Sendable {
    package var name: String
    package var redirectURIs: [String]
    package var scopes: [String]
    package var isPublic: Bool
    package var idTokenAlgorithm: String
    package init(
        name: String,
        redirectURIs: [String],
        scopes: [String],
        isPublic: Bool,
        idTokenAlgorithm: String = TokenAlgorithm.es256.rawValue
    ) {
        self.name = name
        self.redirectURIs = redirectURIs
        self.scopes = scopes
        self.isPublic = isPublic
        self.idTokenAlgorithm = idTokenAlgorithm
    }
}

/// Who changes clients, and from where.
package struct ClientActor: Sendable {
    package var name: String
    /// nil: every organisation, and the platform.
    package var organisation: OrganisationID?
    package var remote: IPAddress?
    package init(name: String, organisation: OrganisationID?, remote: IPAddress? = nil) {
        (self.name, self.organisation, self.remote) = (name, organisation, remote)
    }
}

/// Programs that may sign people in here.
///
/// Invariants: of a secret only its hash is kept, and it is shown once; what is of another organisation is not found.
package struct ClientRegistry: Sendable {
    package static let longestName = 64

    package let store: any OAuthClientStore
    private let limit: Int

    /// - Parameter limit: clients of one organisation, or of the platform.
    package init(store: any OAuthClientStore, limit: Int = 100) { (self.store, self.limit) = (store, limit) }

    /// Registers a client; the secret is nil for public ones.
    package func add(
        _ order: ClientOrder,
        of organisation: OrganisationID?,
        by actor: ClientActor,
        now: Timestamp
    ) async throws(ClientRegistryError) -> (client: OAuthClient, secret: String?) {
        let secret = order.isPublic ? nil : Base64URL.encode(SecureRandom.bytes(32))
        let client = OAuthClient(
            id: Base64URL.encode(SecureRandom.bytes(15)),
            organisation: organisation,
            name: try Self.name(order.name),
            secretHash: secret.map(Self.hash),
            redirectURIs: try Self.redirects(order.redirectURIs, isPublic: order.isPublic),
            scopes: try Self.scopes(order.scopes),
            idTokenAlgorithm: try Self.algorithm(order.idTokenAlgorithm),
            createdAt: now,
            createdBy: actor.name
        )
        do throws(StoreError) {
            try await store.addOAuthClient(client, atMost: limit, audit: event("oauth_client.add", client, actor, now))
        } catch {
            throw .store(error)
        }
        return (client, secret)
    }

    /// `.store(.notFound)` for one that the actor does not manage.
    package func client(_ id: String, for actor: ClientActor) async throws(ClientRegistryError) -> OAuthClient {
        do throws(StoreError) {
            guard let client = try await store.oauthClient(id),
                actor.organisation == nil || client.organisation == actor.organisation
            else { throw .notFound }
            return client
        } catch {
            throw .store(error)
        }
    }

    /// Changes name, redirect addresses, scopes and algorithm.
    ///
    /// - Returns: the client as it is then.
    package func change(
        _ client: OAuthClient,
        to order: ClientOrder,
        by actor: ClientActor,
        now: Timestamp
    ) async throws(ClientRegistryError) -> OAuthClient {
        // What it registered stands in its id.
        guard !client.isSelfRegistered else {
            throw .refused("client_id", "a program that registered itself is removed, not changed")
        }
        var changed = client
        changed.name = try Self.name(order.name)
        changed.redirectURIs = try Self.redirects(order.redirectURIs, isPublic: client.isPublic)
        changed.scopes = try Self.scopes(order.scopes)
        changed.idTokenAlgorithm = try Self.algorithm(order.idTokenAlgorithm)
        return try await keep(changed, before: client, "oauth_client.change", actor, now)
    }

    /// A new secret in place of the old one, which is worth nothing from then on; nil for public clients.
    package func renewSecret(
        of client: OAuthClient,
        by actor: ClientActor,
        now: Timestamp
    ) async throws(ClientRegistryError) -> String? {
        guard !client.isPublic else { return nil }
        let secret = Base64URL.encode(SecureRandom.bytes(32))
        var changed = client
        changed.secretHash = Self.hash(secret)
        _ = try await keep(changed, before: client, "oauth_client.secret", actor, now)
        return secret
    }

    private func keep(
        _ client: OAuthClient,
        before: OAuthClient,
        _ action: String,
        _ actor: ClientActor,
        _ now: Timestamp
    ) async throws(ClientRegistryError) -> OAuthClient {
        var event = event(action, client, actor, now)
        event.detail =
            AuditDetail().changing("name", from: before.name, to: client.name)
            .changing("scopes", from: Self.text(before.scopes), to: Self.text(client.scopes))
            .changing(
                "id_token_algorithm",
                from: before.idTokenAlgorithm.rawValue,
                to: client.idTokenAlgorithm.rawValue
            )
            .changing("redirect_uris", from: Self.text(before.redirectURIs), to: Self.text(client.redirectURIs)).text
        do throws(StoreError) {
            try await store.changeOAuthClient(client, audit: event)
        } catch {
            throw .store(error)
        }
        var kept = client
        kept.version += 1
        return kept
    }

    /// Ends what people allowed it with it.
    package func remove(_ id: String, by actor: ClientActor, now: Timestamp) async throws(ClientRegistryError) {
        let client = try await client(id, for: actor)
        do throws(StoreError) {
            try await store.removeOAuthClient(id, audit: event("oauth_client.remove", client, actor, now))
        } catch {
            throw .store(error)
        }
    }

    private func event(_ action: String, _ client: OAuthClient, _ actor: ClientActor, _ now: Timestamp) -> AuditEvent {
        AuditEvent(
            at: now,
            actor: actor.name,
            action: action,
            subject: "oauth-client:\(client.id)",
            remote: actor.remote,
            detail: AuditDetail().adding("name", client.name).adding("scopes", Self.text(client.scopes))
                .adding("redirect_uris", Self.text(client.redirectURIs)).text
        )
    }

    private static func text(_ words: [String]) -> String { words.joined(separator: " ") }

    // MARK: - Secrets

    private static func hash(_ secret: String) -> [UInt8] {
        SHA256.hash(Array("oonrumail client secret\0\(secret)".utf8))
    }

    /// Whether this is the client's secret; takes as long for every wrong one.
    package static func isSecret(_ secret: String, of client: OAuthClient) -> Bool {
        guard let known = client.secretHash else { return false }
        return constantTimeEqual(hash(secret), known)
    }

    // MARK: - Checks

    private static func name(_ name: String) throws(ClientRegistryError) -> String {
        guard (1...longestName).contains(name.utf8.count), name.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else {
            throw .refused("name", "a name has 1 to \(longestName) octets and no control characters")
        }
        return name
    }

    private static func redirects(_ uris: [String], isPublic: Bool) throws(ClientRegistryError) -> [String] {
        guard uris.count <= RedirectURI.perClient else {
            throw .refused("redirect_uris", "a client has at most \(RedirectURI.perClient) redirect addresses")
        }
        for uri in uris {
            if let fault = RedirectURI.fault(uri, isPublic: isPublic) { throw .refused("redirect_uris", fault) }
        }
        return uris
    }

    private static func scopes(_ scopes: [String]) throws(ClientRegistryError) -> [String] {
        guard !scopes.isEmpty, scopes.allSatisfy({ OAuthScope(rawValue: $0) != nil }) else {
            let known = OAuthScope.allCases.map(\.rawValue).joined(separator: ", ")
            throw .refused("scopes", "scopes are some of \(known)")
        }
        return OAuthScope.allCases.map(\.rawValue).filter(scopes.contains)
    }

    private static func algorithm(_ name: String) throws(ClientRegistryError) -> TokenAlgorithm {
        guard let algorithm = TokenAlgorithm(rawValue: name), algorithm != .edDSA else {
            throw .refused("id_token_signed_response_alg", "ID tokens are signed by ES256 or RS256")
        }
        return algorithm
    }
}
