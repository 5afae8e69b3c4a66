import MailModel
import MailPorts
import OpenIDWire

/// From claims to an account of the connection's own domain.
extension ProviderSignIn {
    /// The address as the connection's own domain has it: the guard that keeps domains apart.
    func ownAddress(
        _ claims: VerifiedClaims,
        _ connection: ProviderConnection
    ) async throws(SignInStepFault) -> EmailAddress {
        guard let text = claims.text(connection.addressClaim) else { throw .provider(.addressMissing) }
        guard let address = EmailAddress(text) else { throw .provider(.addressMalformed) }
        // `email_verified` speaks of `email`, whatever claim the address is taken from (OpenID Connect Core §5.1).
        let isVerified = claims.isTrue("email_verified") && claims.text("email").flatMap { EmailAddress($0) } == address
        guard !connection.needsVerifiedAddress || isVerified else { throw .provider(.addressUnverified) }
        guard address.domain != connection.domain else { return address }
        // An alias of the domain stands for it; whatever else is another's.
        guard let other = try await self.connection(covering: address.domain), other.domain == connection.domain else {
            throw .provider(.addressForeign)
        }
        return EmailAddress(uncheckedLocalPart: address.localPart, domain: connection.domain)
    }

    func newAccount(
        _ address: EmailAddress,
        _ claims: VerifiedClaims,
        _ connection: ProviderConnection
    ) async throws(StoreError) -> NewAccount? {
        guard connection.makesAccounts, let domain = try await directory.domain(named: connection.domain) else {
            return nil
        }
        guard try await directory.account(withAddress: address) == nil else { return nil }
        return NewAccount(
            organisation: domain.organisation,
            address: address,
            displayName: Self.name(claims.text(connection.nameClaim)),
            role: .member,
            passwordHash: nil,
            quotaBytes: connection.quotaBytes ?? defaultQuota
        )
    }

    /// At most 200 octets of whole characters, without control characters.
    static func name(_ text: String?) -> String {
        var name = String.UnicodeScalarView()
        var octets = 0
        for scalar in (text ?? "").unicodeScalars where scalar.value >= 32 && !(127...159).contains(scalar.value) {
            octets += UTF8.width(scalar)
            guard octets <= 200 else { break }
            name.append(scalar)
        }
        return String(name)
    }
}
