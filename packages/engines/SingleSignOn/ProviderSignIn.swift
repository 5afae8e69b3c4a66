import Logging
import MailCrypto
package import MailModel
package import MailPorts
import Metrics
import OpenIDWire

/// Signing in by the identity provider of a person's domain (OpenID Connect, authorization code with PKCE).
///
/// Invariants: a connection signs in addresses of its own domain only, and accounts of that domain; a person is known by `iss`
/// and `sub` after the first time; every step belongs to one browser, is taken once and expires; no token is in an address.
package struct ProviderSignIn: Sendable {
    package struct Begun: Sendable {
        /// At the provider.
        package var address: String
        /// For the browser to keep, out of reach of pages.
        package var cookie: String
    }

    package let store: any SingleSignOnStore
    let directory: any DirectoryStore
    let providers: ProviderDirectory
    let fetcher: any IdentityProviderFetching
    let secrets: any SecretSealing
    package let places: Places
    package let limits: SingleSignOnLimits
    let defaultQuota: Int64?
    let logger = Logger(label: "sso")

    package init(
        store: any SingleSignOnStore,
        directory: any DirectoryStore,
        providers: ProviderDirectory,
        fetcher: any IdentityProviderFetching,
        secrets: any SecretSealing,
        places: Places,
        limits: SingleSignOnLimits,
        defaultQuota: Int64?
    ) {
        self.store = store
        self.directory = directory
        self.providers = providers
        self.fetcher = fetcher
        self.secrets = secrets
        self.places = places
        self.limits = limits
        self.defaultQuota = defaultQuota
    }

    // MARK: - Beginning

    /// Where the browser goes, and what it keeps.
    ///
    /// - Parameters:
    ///   - page: nil for the standard one.
    ///   - challenge: the page's own, by PKCE's `S256`: whoever has the verifier gets the tokens.
    ///   - wish: is passed on; whether the provider did so is for whoever wished to see.
    package func begin(
        domain: String,
        page: String?,
        challenge: String,
        hint: String?,
        wish: SignInWish = SignInWish(),
        now: Timestamp
    ) async throws(SignInStepFault) -> Begun {
        guard let page = page ?? places.pages.first, places.takes(page) else { throw .pageRefused }
        guard ProofKey.isChallenge(challenge) else { throw .challengeRefused }
        guard let connection = try await connection(covering: domain) else { throw .noConnection }
        let metadata: ProviderMetadata
        do throws(ProviderFailure) {
            metadata = try await providers.metadata(of: connection.issuer, now: now)
        } catch {
            await note(error, connection.domain, nil, now)
            throw .provider(error)
        }
        let (state, nonce, verifier) = (Self.random(), Self.random(), Self.random())
        let step = SealedStep(
            [connection.domain, state, nonce, verifier, page, challenge],
            expiresAt: now.adding(seconds: limits.stepSeconds)
        )
        var fields: [(name: String, value: String)] = [
            ("response_type", "code"), ("client_id", connection.clientID), ("redirect_uri", places.callback),
            ("scope", connection.scopes), ("state", state), ("nonce", nonce),
            ("code_challenge", Base64URL.encode(SHA256.hash(Array(verifier.utf8)))), ("code_challenge_method", "S256"),
        ]
        if let hint, EmailAddress(hint) != nil { fields.append(("login_hint", hint)) }
        fields += wish.fields
        return Begun(
            address: QueryText.appended(fields, to: metadata.authorization.text),
            cookie: step.text(.begun, secrets)
        )
    }

    private static func random() -> String { Base64URL.encode(SecureRandom.bytes(32)) }

    // MARK: - Coming back

    /// What the provider gave the browser to bring.
    package struct Answer: Sendable {
        package var state: String?
        package var code: String?
        package var error: String?
        package var issuer: String?
        package init(state: String?, code: String?, error: String?, issuer: String?) {
            (self.state, self.code, self.error, self.issuer) = (state, code, error, issuer)
        }
    }

    /// Where the browser goes on to: the page, with a code for tokens or a word for why there is none.
    ///
    /// - Throws: `.expired` for what is no step of this browser: it has no page to go to.
    package func finish(
        _ answer: Answer,
        cookie: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(SignInStepFault) -> String {
        guard let step = SealedStep(cookie, .begun, count: 6, secrets, now: now), let state = answer.state,
            constantTimeEqual(Array(state.utf8), Array(step.fields[1].utf8)),
            try await spend(cookie, until: step.expiresAt)
        else { throw .expired }
        let (domain, page, challenge) = (step.fields[0], step.fields[4], step.fields[5])
        do throws(SignInStepFault) {
            let (account, claims) = try await account(answer, step, remote, now)
            Counter(label: "oonrumail_provider_sign_ins_total", dimensions: [("outcome", "signed_in")]).increment()
            let code = SealedStep(
                ["\(account.id)", challenge] + ProviderProof.fields(claims, now),
                expiresAt: now.adding(seconds: limits.codeSeconds)
            )
            return QueryText.appended([("code", code.text(.code, secrets))], to: page)
        } catch .provider(let failure) {
            await note(failure, domain, remote, now)
            return QueryText.appended([("error", failure.publicCode)], to: page)
        }
    }

    private func account(
        _ answer: Answer,
        _ step: SealedStep,
        _ remote: IPAddress?,
        _ now: Timestamp
    ) async throws(SignInStepFault) -> (Account, VerifiedClaims) {
        guard let connection = try await connection(covering: step.fields[0]), connection.domain == step.fields[0]
        else {
            throw .provider(.connectionGone)
        }
        let claims: VerifiedClaims
        do throws(ProviderFailure) {
            claims = try await self.claims(answer, step, connection, now)
        } catch {
            throw .provider(error)
        }
        let address = try await ownAddress(claims, connection)
        let outcome: ProviderSignInOutcome
        do throws(StoreError) {
            outcome = try await store.signIn(
                ProviderIdentity(issuer: connection.issuer, subject: claims.subject, address: address),
                by: connection,
                making: try await newAccount(address, claims, connection),
                audit: AuditEvent(
                    at: now,
                    actor: "sso",
                    action: "sso.sign_in",
                    subject: connection.domain,
                    remote: remote
                )
            )
        } catch {
            throw .store(error)
        }
        guard case .signedIn(let account) = outcome else { throw .provider(.account(outcome)) }
        return (account, claims)
    }

    /// Exchanges the code and checks what comes of it.
    private func claims(
        _ answer: Answer,
        _ step: SealedStep,
        _ connection: ProviderConnection,
        _ now: Timestamp
    ) async throws(ProviderFailure) -> VerifiedClaims {
        let metadata = try await providers.metadata(of: connection.issuer, now: now)
        // RFC 9207 §2.4: an answer of another provider carries its code to this one.
        if answer.issuer != nil || metadata.namesIssuer {
            guard answer.issuer == connection.issuer else { throw .mixedUp }
        }
        if let word = answer.error { throw .denied(TokenRequest.printable(word)) }
        guard let code = answer.code, (1...SingleSignOnLimits.longestAnswer).contains(code.utf8.count) else {
            throw .malformed("provider")
        }
        let request = TokenRequest(
            fetcher: fetcher,
            connection: connection,
            secret: try self.secret(of: connection),
            redirect: places.callback
        )
        let tokens = try await request.exchange(code, verifier: step.fields[3], at: metadata)
        let claims = try await verified(tokens, step.fields[2], connection, metadata, now)
        guard claims.text(connection.addressClaim) == nil, let address = metadata.userInfo,
            let accessToken = tokens.accessToken
        else { return claims }
        guard fetcher.mayAsk(address) else { throw .fetch("userinfo", .addressRefused) }
        let document = try await request.userInfo(address, accessToken: accessToken)
        guard let whole = claims.completed(by: document) else { throw .userInfoDiffers }
        return whole
    }

    private func verified(
        _ tokens: TokenRequest.Tokens,
        _ nonce: String,
        _ connection: ProviderConnection,
        _ metadata: ProviderMetadata,
        _ now: Timestamp
    ) async throws(ProviderFailure) -> VerifiedClaims {
        let expected = IDToken.Expectation(
            issuer: connection.issuer,
            clientID: connection.clientID,
            nonce: nonce,
            accessToken: tokens.accessToken,
            now: now.seconds,
            leeway: limits.leewaySeconds,
            oldest: limits.tokenSeconds
        )
        let token: IDToken
        do throws(IDToken.Fault) { token = try IDToken(tokens.idToken) } catch { throw .token(error) }
        let keys = try await providers.keys(of: metadata, now: now)
        do throws(IDToken.Fault) {
            return try token.verify(keys, expected)
        } catch .unknownKey {
            // Keys change: once more with those that are there now.
            let newer = try await providers.keys(of: metadata, isOneMissing: true, now: now)
            do throws(IDToken.Fault) { return try token.verify(newer, expected) } catch { throw .token(error) }
        } catch {
            throw .token(error)
        }
    }

    func secret(of connection: ProviderConnection) throws(ProviderFailure) -> String? {
        guard let sealed = connection.sealedSecret else { return nil }
        guard let plain = secrets.open(sealed) else {
            logger.error(
                "a client secret does not open with the master key",
                metadata: ["domain": "\(connection.domain)"]
            )
            throw .malformed("secret")
        }
        return String(decoding: plain, as: UTF8.self)
    }

    // MARK: - Steps

    func connection(covering domain: String) async throws(SignInStepFault) -> ProviderConnection? {
        guard EmailAddress.isDomain(domain.utf8) else { return nil }
        do throws(StoreError) {
            return try await store.connection(covering: domain)
        } catch {
            throw .store(error)
        }
    }

    func spend(_ text: String, until end: Timestamp) async throws(SignInStepFault) -> Bool {
        do throws(StoreError) {
            return try await store.spendSignInStep(SealedStep.hash(text), until: end)
        } catch {
            throw .store(error)
        }
    }

    private func note(_ failure: ProviderFailure, _ domain: String, _ remote: IPAddress?, _ now: Timestamp) async {
        Counter(label: "oonrumail_provider_sign_ins_total", dimensions: [("outcome", "refused")]).increment()
        logger.notice("sign-in by a provider refused", metadata: ["domain": "\(domain)", "why": "\(failure.code)"])
        await directory.noteAudit(
            AuditEvent(
                at: now,
                actor: "-",
                action: "sso.refused",
                subject: domain,
                remote: remote,
                detail: AuditDetail().adding("why", failure.code).text
            )
        )
    }
}
