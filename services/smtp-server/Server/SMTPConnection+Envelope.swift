import Logging
import MailDelivery
import MailModel
import MailPolicy
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
        let (directory, addresses) = (backend.directory, backend.addresses)
        let (limiter, limit) = (backend.limiter, settings.submissionRate)
        let (policies, size) = (backend.policies, sender.parameters.size ?? 0)
        let (path, grants, permissions) = (sender.path, backend.grants, backend.permissions)
        tasks?.run { () -> SenderDecision in
            do throws(StoreError) {
                guard let current = try await directory.account(account.id), current.status == .active else {
                    return .refused(.senderNotOwned)
                }
                let submitter = Submitter(
                    account: current,
                    addresses: try await directory.sendingAddresses(of: account.id),
                    separators: try await addresses.separators(of: account.id),
                    granted: try await grants?.grantedAddresses(of: account.id) ?? [],
                    domains: try await permissions?.sendingDomains(of: account.id) ?? []
                )
                guard submitter.maySend(from: path) else { return .refused(.senderNotOwned) }
                if let refusal = try await policies.refusal(sending: size, from: current.primaryAddress.domain) {
                    return .refused(SMTPReply(refusal))
                }
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

    /// How a recipient is decided off the loop.
    private enum RecipientDecision: Sendable {
        case accepted(RecipientExpansion, ContentRules?)
        case refused(RecipientRefusal)
        case ruledOut(PolicyRefusal)
        case tooFast
    }

    func check(_ recipient: SMTPRecipient) {
        guard let transaction else { return machine.recipientVerdict(.badSequence) }
        let asked = RecipientQuestion(
            path: recipient.path,
            sender: transaction.sender,
            size: transaction.announcedSize,
            count: transaction.expansions.count,
            contentRules: transaction.contentRules,
            account: submitter?.account ?? account,
            poster: submitter.map { .account($0) } ?? .outside(transaction.sender),
            isEncrypted: machine.tlsIsActive,
            now: backend.clock.now()
        )
        let (resolver, policies) = (resolver, backend.policies)
        let (limiter, limit) = (backend.limiter, settings.submissionRecipientRate)
        tasks?.run { () -> RecipientDecision in
            if let account = asked.account {
                let key = "smtp.recipient:\(account.id)"
                guard await limiter.count(key, limit: limit, windowSeconds: 3_600, now: asked.now) == .allowed else {
                    return .tooFast
                }
            }
            do {
                var expansion: RecipientExpansion
                switch asked.path {
                case .postmaster: expansion = try await resolver.postmaster()
                case .address(let address):
                    expansion = try await resolver.expand(
                        address,
                        mayRelay: asked.account != nil,
                        poster: asked.poster,
                        size: asked.size
                    )
                }
                let rules = try await asked.judge(&expansion, policies, resolver)
                return .accepted(expansion, rules)
            } catch let refusal as RecipientRefusal {
                return .refused(refusal)
            } catch let fault as PolicyFault {
                return .ruledOut(fault.refusal)
            } catch {
                return .refused(RecipientRefusal(policy: error as? StoreError))
            }
        } then: { [self] in
            answer($0, recipient.path)
        }
    }

    private func answer(_ decision: RecipientDecision, _ path: ForwardPath) {
        switch decision {
        case .accepted(let expansion, let rules):
            transaction?.expansions[path] = expansion
            if let rules { transaction?.contentRules = rules }
            machine.recipientVerdict(.recipientAccepted)
        case .refused(let refusal):
            cause = refusal.cause
            note(refusal, of: path)
            machine.recipientVerdict(SMTPReply(refusal))
        case .ruledOut(let refusal):
            cause = refusal.cause
            machine.recipientVerdict(SMTPReply(refusal))
        case .tooFast:
            machine.recipientVerdict(.rateExceeded)
        }
        pump()
    }
}
