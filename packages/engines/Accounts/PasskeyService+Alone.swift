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

    /// What the browser of an invited person is asked to make.
    ///
    /// - Parameter account: the number that the account has, or will have.
    func creation(
        _ invitation: Invitation,
        as account: AccountID,
        now: Timestamp
    ) async throws(AccountError) -> PasskeyCreation {
        if let flags, await !flags.isOn(.passkeySignIn, for: account, of: invitation.organisation) {
            throw .fieldTaken("passkey", Self.off)
        }
        let address = invitation.address.canonical
        return PasskeyCreation(
            challenge: challenge(.accept, account, now).bytes,
            relyingParty: policy.relyingParty,
            relyingPartyName: policy.name,
            userHandle: Self.handle(of: account),
            userName: address,
            displayName: invitation.displayName.isEmpty ? address : invitation.displayName,
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
        for invitation: Invitation,
        as account: AccountID,
        now: Timestamp
    ) throws(AccountError) -> (new: NewPasskey, recoveryCodes: [String]) {
        try read(answer, .accept, name: name, for: account, invitation.address, needsVerification: true, now)
    }
}
