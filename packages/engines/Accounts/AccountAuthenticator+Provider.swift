import Logging
import MailModel
package import MailPorts

/// Domains whose people sign in by an identity provider and by nothing else.
extension AccountAuthenticator {
    /// What a refused password is answered with where the domain of the address demands its provider.
    ///
    /// Owners and platform administrators keep their passwords, so that a provider that is away or wrong locks nobody out for
    /// good. Everybody else's password is not looked at (`decide`), and every refusal is answered alike: it does not tell which
    /// accounts there are, nor whether a password was right.
    func underProvider(
        _ outcome: AuthenticationOutcome,
        _ user: String,
        _ service: String
    ) async -> AuthenticationOutcome {
        guard case .invalid = outcome, let address = EmailAddress(user) else { return outcome }
        do throws(StoreError) {
            guard let domain = try await demandingDomain(of: address.domain) else { return outcome }
            return SignInScope(rawValue: service) == nil ? .providerNeeded(domain: domain) : .appPasswordNeeded
        } catch {
            logger.error("connections of providers unavailable", metadata: ["error": .string("\(error)")])
            return .unavailable
        }
    }

    /// The domain whose provider the account must sign in by, if there is one.
    package func provider(demandedOf account: Account) async throws(StoreError) -> String? {
        guard !Self.keepsPassword(account) else { return nil }
        return try await demandingDomain(of: account.primaryAddress.domain)
    }

    /// Whether the domain's people sign in by its provider and by nothing else.
    package func demandsProvider(_ domain: String) async throws(StoreError) -> Bool {
        try await demandingDomain(of: domain) != nil
    }

    static func keepsPassword(_ account: Account) -> Bool { account.role.rank >= Role.owner.rank }

    func demandingDomain(of domain: String) async throws(StoreError) -> String? {
        guard let found = try await providers?.connection(covering: domain), found.isEnforced else { return nil }
        return domain
    }
}
