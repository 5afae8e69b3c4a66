package import MailPorts
package import OpenIDWire

/// Why nobody was signed in by a provider: told apart for the domain's administrator, in the audit and by the check.
package enum ProviderFailure: Error, Equatable, Sendable {
    /// `where`: `discovery`, `keys`, `token`, `userinfo`.
    case fetch(_ place: String, ProviderFetchFault)
    case status(_ place: String, Int)
    /// The answer is not the document that it should be.
    case malformed(_ place: String)
    /// The provider's document names another issuer than the connection.
    case issuerDiffers
    /// The token endpoint's own word, such as `invalid_client` (RFC 6749 §5.2).
    case tokenRefused(String)
    /// The provider sent the browser back with this word (RFC 6749 §4.1.2.1).
    case denied(String)
    /// The answer is of another issuer (RFC 9207), or names none where it should.
    case mixedUp
    case token(IDToken.Fault)
    case userInfoDiffers
    case addressMissing, addressMalformed, addressUnverified
    /// The address is not of a domain that the connection covers.
    case addressForeign
    case account(ProviderSignInOutcome)
    /// The connection was removed, or its domain is not served, since the sign-in began.
    case connectionGone

    /// A name that does not change.
    package var code: String {
        switch self {
        case .fetch(let place, let fault): "\(place).\(Self.name(fault))"
        case .status(let place, let status): "\(place).status_\(status)"
        case .malformed(let place): "\(place).malformed"
        case .issuerDiffers: "discovery.issuer_differs"
        case .tokenRefused(let word): "token.refused.\(word)"
        case .denied(let word): "provider.\(word)"
        case .mixedUp: "provider.mixed_up"
        case .token(let fault): "id_token.\(Self.name(fault))"
        case .userInfoDiffers: "userinfo.subject_differs"
        case .addressMissing: "address.missing"
        case .addressMalformed: "address.malformed"
        case .addressUnverified: "address.unverified"
        case .addressForeign: "address.foreign"
        case .account(let outcome): "account.\(Self.name(outcome))"
        case .connectionGone: "connection.gone"
        }
    }

    private static func name(_ fault: ProviderFetchFault) -> String {
        switch fault {
        case .addressRefused: "address_refused"
        case .nameUnknown: "name_unknown"
        case .unreachable: "unreachable"
        case .tooSlow: "too_slow"
        case .tooLarge: "too_large"
        case .redirected: "redirected"
        case .tooMany: "too_many_requests"
        }
    }

    private static func name(_ fault: IDToken.Fault) -> String {
        switch fault {
        case .malformed: "malformed"
        case .algorithm: "algorithm"
        case .unknownKey: "unknown_key"
        case .signature: "signature"
        case .issuer: "issuer"
        case .audience: "audience"
        case .expired: "expired"
        case .issuedAt: "issued_at"
        case .nonce: "nonce"
        case .accessHash: "at_hash"
        case .subject: "subject"
        }
    }

    private static func name(_ outcome: ProviderSignInOutcome) -> String {
        switch outcome {
        case .signedIn: "signed_in"
        case .noAccount: "none"
        case .addressTaken: "address_taken"
        case .otherDomain: "other_domain"
        case .otherSubject: "subject_changed"
        case .roleAbove: "role_above"
        case .suspended: "suspended"
        case .connectionChanged: "connection_changed"
        }
    }

    /// What the person's page is told: no more than what they may do about it.
    package var publicCode: String {
        switch self {
        case .fetch, .status, .malformed, .issuerDiffers, .tokenRefused: "provider_unavailable"
        case .denied(let word): word == "access_denied" ? "denied" : "provider_unavailable"
        case .mixedUp, .token, .userInfoDiffers, .addressMissing, .addressMalformed, .addressUnverified,
            .addressForeign, .account, .connectionGone:
            "refused"
        }
    }
}

/// Why a request that belongs to no sign-in of this browser is turned away.
package enum SignInStepFault: Error, Equatable, Sendable {
    /// The domain has no connection.
    case noConnection
    /// The page is not one of those that people may come back to.
    case pageRefused
    /// No PKCE challenge of a page (RFC 7636 §4.2).
    case challengeRefused
    /// No such way to be asked anew (`prompt`, `max_age`).
    case wishRefused
    /// The step is not of this browser, was taken before, or has expired.
    case expired
    case provider(ProviderFailure)
    case store(StoreError)
}
