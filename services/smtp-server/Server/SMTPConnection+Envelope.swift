import Logging
import MailDelivery
import MailModel
import MailPorts
import Metrics
import NIOCore
import NetKit
import SMTPWire

/// MAIL and RCPT.
extension SMTPConnection {
    /// How a sender is decided off the loop.
    private enum SenderDecision: Sendable {
        case accepted(Submitter?)
        case refused(SMTPReply)
    }

    func check(_ sender: SMTPSender) {
        let now = backend.clock.now()
        transaction = Transaction(
            queueID: QueueID(time: now, random: .random(in: 0 ... .max)),
            sender: sender.path,
            announcedSize: sender.parameters.size ?? 0
        )
        guard let account else {
            guard !info.isTrusted else { return answerSender(.accepted(nil)) }
            let (limiter, limit, key) = (backend.limiter, settings.messageRate, "smtp.message:\(info.remote.client)")
            tasks?.run { () -> SenderDecision in
                await limiter.count(key, limit: limit, windowSeconds: 60, now: now) == .allowed
                    ? .accepted(nil) : .refused(.rateExceeded)
            } then: { [self] in
                answerSender($0)
            }
            return
        }
        let (directory, limiter, limit) = (backend.directory, backend.limiter, settings.submissionRate)
        let path = sender.path
        tasks?.run { () -> SenderDecision in
            do throws(StoreError) {
                guard let current = try await directory.account(account.id), current.status == .active else {
                    return .refused(.senderNotOwned)
                }
                let submitter = Submitter(
                    account: current,
                    addresses: try await directory.sendingAddresses(of: account.id)
                )
                guard submitter.maySend(from: path) else { return .refused(.senderNotOwned) }
                let rate = await limiter.count(
                    "smtp.submission:\(account.id)",
                    limit: limit,
                    windowSeconds: 3_600,
                    now: now
                )
                return rate == .allowed ? .accepted(submitter) : .refused(.rateExceeded)
            } catch {
                return .refused(SMTPReply(error))
            }
        } then: { [self] in
            answerSender($0)
        }
    }

    private func answerSender(_ decision: SenderDecision) {
        switch decision {
        case .accepted(let submitter):
            self.submitter = submitter
            machine.senderVerdict(.senderAccepted)
        case .refused(let reply):
            machine.senderVerdict(reply)
        }
        pump()
    }

    func check(_ recipient: SMTPRecipient) {
        let mayRelay = account != nil
        let size = transaction?.announcedSize ?? 0
        let (resolver, path) = (resolver, recipient.path)
        let (limiter, limit, now) = (backend.limiter, settings.submissionRecipientRate, backend.clock.now())
        let key = account.map { "smtp.recipient:\($0.id)" }
        tasks?.run { () -> Result<RecipientExpansion, RecipientRefusal>? in
            if let key, await limiter.count(key, limit: limit, windowSeconds: 3_600, now: now) != .allowed {
                return nil
            }
            do throws(RecipientRefusal) {
                switch path {
                case .postmaster: return .success(try await resolver.postmaster())
                case .address(let address):
                    return .success(try await resolver.expand(address, mayRelay: mayRelay, size: size))
                }
            } catch {
                return .failure(error)
            }
        } then: { [self] result in
            switch result {
            case .success(let expansion):
                transaction?.expansions[recipient.path] = expansion
                machine.recipientVerdict(.recipientAccepted)
            case .failure(let refusal):
                machine.recipientVerdict(SMTPReply(refusal))
            case nil:
                machine.recipientVerdict(.rateExceeded)
            }
            pump()
        }
    }
}
