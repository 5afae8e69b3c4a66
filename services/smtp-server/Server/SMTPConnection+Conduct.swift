import MailDelivery
import MailModel
import MailPorts
import NIOCore
import NetKit
import SMTPWire

/// What the client does that speaks for or against its network; who has signed in answers for it with the account.
extension SMTPConnection {
    func note(_ conduct: Conduct) {
        guard account == nil else { return }
        backend.conduct?.note(conduct, of: info.remote)
    }

    func note(_ refusal: RecipientRefusal, of path: ForwardPath) {
        guard let address = path.address else { return }
        switch refusal {
        case .noSuchUser: note(.unknownRecipient(address))
        case .relayDenied: note(.relayAttempt(domain: address.domain))
        case .suspended, .notPermitted, .mailboxFull, .levelFull, .neverFits, .aliasLoop, .unavailable: ()
        }
    }

    /// RFC 5321 §4.3.1: a client waits for the greeting.
    func noteEarlyTalk() {
        guard !hasTalkedEarly else { return }
        hasTalkedEarly = true
        note(.earlyTalk)
    }

    /// The network is banned: the connection ends after a message under way, unless somebody has signed in.
    func endBarred() {
        guard account == nil else { return }
        guard !isHandshaking else {
            context?.close(promise: nil)
            return
        }
        farewell = .networkBanned
        pump()
    }
}
