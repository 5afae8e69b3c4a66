package import MailModel
package import MailPorts
import OpenIDWire

/// What an administrator wants of a domain's connection; nil is the standard, whatever was in force.
package struct ConnectionWish: Sendable {
    package var issuer: String
    package var clientID: String
    /// nil keeps the one that is there, as long as issuer and client stay the same.
    package var clientSecret: String?
    package var isEnforced: Bool?
    package var coversAliases: Bool?
    package var makesAccounts: Bool?
    package var quotaBytes: Int64?
    package var addressClaim: String?
    package var nameClaim: String?
    package var needsVerifiedAddress: Bool?
    package var scopes: String?
    package init(issuer: String, clientID: String) { (self.issuer, self.clientID) = (issuer, clientID) }
}

/// Connections of domains with identity providers, for those who manage the domain.
///
/// The caller has checked that the actor manages it.
package struct ProviderConnections: Sendable {
    package let store: any SingleSignOnStore
    let providers: ProviderDirectory
    let fetcher: any IdentityProviderFetching
    let secrets: any SecretSealing
    let limiter: any RateLimiter
    /// For the provider's settings: where it sends browsers back to.
    package let callback: String
    let limits: SingleSignOnLimits

    package init(
        store: any SingleSignOnStore,
        providers: ProviderDirectory,
        fetcher: any IdentityProviderFetching,
        secrets: any SecretSealing,
        limiter: any RateLimiter,
        callback: String,
        limits: SingleSignOnLimits
    ) {
        self.store = store
        self.providers = providers
        self.fetcher = fetcher
        self.secrets = secrets
        self.limiter = limiter
        self.callback = callback
        self.limits = limits
    }

    package func connection(of domain: String) async throws(ConnectionFault) -> ProviderConnection {
        guard
            let found = try await ConnectionFault.stored({ () async throws(StoreError) in
                try await store.connection(of: domain)
            })
        else { throw .notFound }
        return found
    }

    /// Puts a connection in force.
    ///
    /// - Parameter audit: who, when and from where.
    package func set(
        _ wish: ConnectionWish,
        of domain: String,
        by role: Role,
        replacing expected: Int64?,
        audit: AuditEvent
    ) async throws(ConnectionFault) -> ProviderConnection {
        let before = try await ConnectionFault.stored { () async throws(StoreError) in
            try await store.connection(of: domain)
        }
        do throws(ConnectionObjection) {
            try check(wish)
        } catch {
            throw .objection(error)
        }
        var secret: [UInt8]?
        if let given = wish.clientSecret {
            secret = secrets.seal(Array(given.utf8))
        } else if let before, before.issuer == wish.issuer, before.clientID == wish.clientID {
            // To another provider it never goes.
            secret = before.sealedSecret
        }
        var next = ProviderConnection(
            domain: domain,
            issuer: wish.issuer,
            clientID: wish.clientID,
            sealedSecret: secret,
            setBy: role
        )
        next.isEnforced = wish.isEnforced ?? false
        next.coversAliases = wish.coversAliases ?? false
        next.makesAccounts = wish.makesAccounts ?? false
        next.quotaBytes = wish.quotaBytes
        next.addressClaim = wish.addressClaim ?? next.addressClaim
        next.nameClaim = wish.nameClaim ?? next.nameClaim
        next.needsVerifiedAddress = wish.needsVerifiedAddress ?? true
        next.scopes = wish.scopes ?? next.scopes
        return try await ConnectionFault.stored { [next] () async throws(StoreError) in
            try await store.setConnection(next, replacing: expected, audit: audit)
        }
    }

    package func remove(of domain: String, audit: AuditEvent) async throws(ConnectionFault) {
        try await ConnectionFault.stored { () async throws(StoreError) in
            try await store.removeConnection(of: domain, audit: audit)
        }
    }

    // MARK: - Check

    /// Tries what can be tried without a person: the provider's document, its keys, and whether it takes the client's secret.
    package func check(_ domain: String, now: Timestamp) async throws(ConnectionFault) -> [ConnectionCheckStep] {
        let connection = try await connection(of: domain)
        let key = "sso.check:\(connection.domain)"
        guard case .allowed = await limiter.count(key, limit: limits.checksPerMinute, windowSeconds: 60, now: now)
        else {
            throw .tooMany
        }
        var steps: [ConnectionCheckStep] = []
        do throws(ProviderFailure) {
            let metadata = try await providers.metadata(of: connection.issuer, isFresh: true, now: now)
            steps.append(.init(name: "discovery", isGood: true, detail: "The provider answers as \(metadata.issuer)."))
            let keys = try await providers.keys(of: metadata, isFresh: true, now: now)
            steps.append(
                keys.isEmpty
                    ? .init(
                        name: "keys",
                        isGood: false,
                        detail: "The provider has no RSA, P-256 or Ed25519 key to sign with."
                    )
                    : .init(name: "keys", isGood: true, detail: "\(keys.count) usable keys.")
            )
            steps.append(await client(connection, metadata))
        } catch {
            let name = steps.isEmpty ? "discovery" : "keys"
            steps.append(.init(name: name, isGood: false, detail: error.advice))
        }
        return steps
    }

    /// A code that nobody was given: a provider that knows the client refuses the code, another one the client.
    private func client(_ connection: ProviderConnection, _ metadata: ProviderMetadata) async -> ConnectionCheckStep {
        do throws(ProviderFailure) {
            var secret: String?
            if let sealed = connection.sealedSecret {
                guard let plain = secrets.open(sealed) else { throw .malformed("secret") }
                secret = String(decoding: plain, as: UTF8.self)
            }
            let request = TokenRequest(fetcher: fetcher, connection: connection, secret: secret, redirect: callback)
            _ = try await request.exchange("oonrumail-check", verifier: String(repeating: "0", count: 43), at: metadata)
            return .init(name: "client", isGood: false, detail: "The provider takes codes that it never gave.")
        } catch .tokenRefused("invalid_grant") {
            return .init(name: "client", isGood: true, detail: "The provider knows the client and its secret.")
        } catch .tokenRefused("invalid_client"), .tokenRefused("unauthorized_client") {
            return .init(name: "client", isGood: false, detail: "The provider refuses the client or its secret.")
        } catch .tokenRefused(let word) {
            return .init(
                name: "client",
                isGood: true,
                detail: "The provider answers \(word), which tells nothing of the secret."
            )
        } catch {
            return .init(name: "client", isGood: false, detail: error.advice)
        }
    }

    // MARK: - Rules

    private func check(_ wish: ConnectionWish) throws(ConnectionObjection) {
        guard let issuer = WebAddress(wish.issuer), !issuer.pathAndQuery.utf8.contains(UInt8(ascii: "?")),
            wish.issuer.utf8.count <= SingleSignOnLimits.longestText
        else { throw ConnectionObjection("issuer", "This is no https address of a provider.") }
        guard fetcher.mayAsk(issuer) else {
            throw ConnectionObjection("issuer", "Providers are asked by https, at public addresses.")
        }
        let texts: [(field: String, text: String?)] = [
            ("client_id", wish.clientID), ("address_claim", wish.addressClaim), ("name_claim", wish.nameClaim),
            ("scopes", wish.scopes),
        ]
        for (field, text) in texts {
            guard let text else { continue }
            guard (1...SingleSignOnLimits.longestText).contains(text.utf8.count),
                text.utf8.allSatisfy({ (32...126).contains($0) })
            else {
                throw ConnectionObjection(
                    field,
                    "It takes 1 to \(SingleSignOnLimits.longestText) visible ASCII characters."
                )
            }
        }
        if let scopes = wish.scopes,
            !scopes.utf8.split(separator: 32).contains(where: { $0.elementsEqual("openid".utf8) })
        {
            throw ConnectionObjection("scopes", "The scope openid must be among them.")
        }
        let longest = SingleSignOnLimits.longestSecret
        if let objection = ConnectionObjection.secret(wish.clientSecret, "client_secret", atMost: longest) {
            throw objection
        }
        if let objection = ConnectionObjection.quota(wish.quotaBytes) { throw objection }
    }
}

extension ProviderFailure {
    /// A sentence for the domain's administrator.
    package var advice: String {
        switch self {
        case .fetch(let place, .addressRefused):
            "The address of \(place) is not https, or not of the public Internet."
        case .fetch(let place, .nameUnknown): "The host name of \(place) is not found in DNS."
        case .fetch(let place, .unreachable): "No connection for \(place), or its certificate does not verify."
        case .fetch(let place, .tooSlow): "The answer for \(place) takes too long."
        case .fetch(let place, .tooLarge): "The answer for \(place) is too large."
        case .fetch(let place, .redirected): "The answer for \(place) points elsewhere; redirects are not followed."
        case .fetch(let place, .tooMany): "Too many failed questions for \(place); try again in a minute."
        case .status(let place, let status): "The answer for \(place) has the status \(status)."
        case .malformed(let place): "What there is for \(place) cannot be read."
        case .issuerDiffers: "The provider's document names another issuer; write it exactly as there."
        case .tokenRefused(let word): "The token endpoint answers \(word)."
        case .denied, .mixedUp, .token, .userInfoDiffers, .addressMissing, .addressMalformed, .addressUnverified,
            .addressForeign, .account, .connectionGone:
            code
        }
    }
}
