import Logging
import MailCrypto
import MailModel
import MailPorts

/// What becomes of an answer that is not good.
extension PasskeyService {
    /// One passkey counts once, whatever is wrong with it: pages stay open too long, and authenticators keep what was removed here.
    ///
    /// - Parameter isForged: the signature is not the passkey's, which no authenticator does: each counts.
    func noteWrong(
        _ assertion: PasskeyAssertion,
        isForged: Bool = false,
        as account: String,
        _ remote: IPAddress?
    ) {
        guard let conduct, let remote else { return }
        let parts = [assertion.id] + (isForged ? [assertion.signature] : [])
        let secret = parts.map { Base64URL.encode($0) }.joined(separator: " ")
        conduct.note(.failedSignIn(account: account, secret: "passkey \(secret)"), of: remote)
    }

    func refuse(
        _ assertion: PasskeyAssertion,
        isForged: Bool = false,
        _ why: String,
        _ account: Account,
        _ remote: IPAddress?,
        _ now: Timestamp
    ) async -> PasskeyOutcome {
        noteWrong(assertion, isForged: isForged, as: account.primaryAddress.canonical, remote)
        logger.notice(
            "passkey refused",
            metadata: [
                "why": .string(why), "account": .string(account.primaryAddress.canonical),
                "remote": .string(remote?.description ?? "-"),
            ]
        )
        // Nobody is known to have done it.
        await directory.noteAudit(
            AuditEvent(
                at: now,
                actor: "-",
                action: "passkey.refused",
                subject: account.primaryAddress.canonical,
                remote: remote,
                detail: "{\"why\":\"\(why)\"}"
            )
        )
        return .refused
    }
}
