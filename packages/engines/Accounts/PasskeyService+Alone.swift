import MailModel
package import MailPorts
import WebAuthn

/// Passkeys as the only way in to an account.
extension PasskeyService {
    private static let off = "signing in by a passkey alone is off for the organisation"

    /// Whether the account may give up its password.
    ///
    /// - Throws: `.fieldTaken` where passkeys are second factors only.
    package func requireSignInAlone(_ account: Account) async throws(AccountError) {
        guard let flags else { return }
        guard await flags.isOn(.passkeySignIn, for: account) else { throw .fieldTaken("passkey", Self.off) }
    }

    /// Somebody who gets an account and chooses a passkey for it.
    struct Newcomer: Sendable {
        var address: EmailAddress
        var displayName: String
        var organisation: OrganisationID
        /// The number that the account has, or will have.
        var account: AccountID
    }

    /// What the browser of somebody who gets an account is asked to make.
    func creation(_ newcomer: Newcomer, now: Timestamp) async throws(AccountError) -> PasskeyCreation {
        if let flags, await !flags.isOn(.passkeySignIn, for: newcomer.account, of: newcomer.organisation) {
            throw .fieldTaken("passkey", Self.off)
        }
        let address = newcomer.address.canonical
        return PasskeyCreation(
            challenge: challenge(.accept, newcomer.account, now).bytes,
            relyingParty: policy.relyingParty,
            relyingPartyName: policy.name,
            userHandle: Self.handle(of: newcomer.account),
            userName: address,
            displayName: newcomer.displayName.isEmpty ? address : newcomer.displayName,
            algorithms: [.edDSA, .es256, .rs256],
            excluded: [],
            needsVerification: true,
            timeoutSeconds: policy.challengeSeconds
        )
    }

    /// What the browser made for it; its authenticator has verified its user.
    func chosen(
        _ answer: PasskeyRegistration,
        name: String,
        for newcomer: Newcomer,
        now: Timestamp
    ) async throws(AccountError) -> (new: NewPasskey, recoveryCodes: [String]) {
        // Switched off since the options were given out, too.
        _ = try await creation(newcomer, now: now)
        return try read(
            answer,
            .accept,
            name: name,
            for: newcomer.account,
            newcomer.address,
            needsVerification: true,
            now
        )
    }
}

/// What a person chooses to sign in by.
package enum ChosenFactor: Sendable {
    case password(String)
    case passkey(PasskeyRegistration, name: String)
}
