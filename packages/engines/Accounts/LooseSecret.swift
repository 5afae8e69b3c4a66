package import MailModel
package import MailPorts

/// A secret that stands without an account, which somebody may try to guess.
package enum LooseSecret: String, CaseIterable, Sendable {
    case passwordReset = "password reset"
    case recoveryAddress = "recovery address"
    case invitation
    case signUp = "sign-up"
    case registration
    /// Of the platform's own sessions.
    case refreshToken = "refresh token"
    /// What a person types for a device.
    case userCode = "user code"
    case deviceCode = "device code"
    case authorizationCode = "authorization code"
    /// Of another program's sessions.
    case programRefreshToken = "refresh token of a program"
    /// A program's own, with its identifier before it.
    case program
}

extension ConductNoting {
    /// Counts as a failed sign-in: each text once, so that a link that is opened again and a program with an old token stay let in.
    package func noteWrong(_ kind: LooseSecret, _ text: String, of remote: IPAddress?) {
        guard let remote else { return }
        // A blank first: no spelling of an address begins so.
        note(.failedSignIn(account: " \(kind.rawValue)", secret: text), of: remote)
    }
}
