import Glibc
import Logging
import MailDelivery
import MailModel
import MailPorts
import Metrics
import NIOCore
import NetKit
import SMTPWire

/// DATA and BDAT.
extension SMTPConnection {
    private var facts: SessionFacts {
        SessionFacts(
            session: info.session,
            remote: info.remote,
            hello: machine.hello?.name ?? "unknown",
            isExtended: machine.hello?.isExtended ?? false,
            isEncrypted: machine.tlsIsActive,
            isAuthenticated: account != nil
        )
    }

    func begin(_ envelope: SMTPEnvelope, _ context: ChannelHandlerContext) {
        guard var transaction else { return machine.messageRefused(.badSequence) }
        let field = TraceFields.received(
            by: settings.hostname,
            facts,
            queueID: transaction.queueID,
            recipients: envelope.recipients.compactMap(\.path.address),
            isUTF8: envelope.sender.parameters.smtpUTF8,
            at: backend.clock.now()
        )
        transaction.traceSize = field.count
        transaction.spool = MessageSpool(
            path: "\(settings.spoolFolder)/\(transaction.queueID)",
            threshold: settings.spoolThreshold,
            prefix: field,
            threads: backend.threads,
            loop: context.eventLoop
        )
        self.transaction = transaction
        machine.messageBegun()
    }

    func append(_ octets: ByteBuffer) {
        guard let full = transaction?.spool?.append(octets) else { return }
        pause(for: full) { [self] result in
            guard case .failure(let error) = result else { return }
            abandon()
            machine.messageFailed(spoolReply(error))
        }
    }

    func abandon() {
        transaction?.spool?.discard()
        transaction?.spool = nil
    }

    func complete(_ envelope: SMTPEnvelope, _ size: Int) {
        guard let transaction, let spool = transaction.spool else {
            return machine.messageVerdict(.localError("spool"))
        }
        self.transaction?.spool = nil
        let message = IncomingMessage(
            queueID: transaction.queueID,
            receivedAt: backend.clock.now(),
            facts: facts,
            submitter: submitter,
            sender: envelope.sender.path,
            recipients: envelope.recipients.map { recipient in
                IncomingMessage.Recipient(
                    address: recipient.path.address ?? transaction.expansions[recipient.path]?.local.first?.address
                        ?? EmailAddress(uncheckedLocalPart: "postmaster", domain: settings.hostname),
                    originalRecipient: recipient.originalRecipient,
                    expansion: transaction.expansions[recipient.path] ?? .init()
                )
            },
            isUTF8: envelope.sender.parameters.smtpUTF8,
            is8Bit: ![nil, .sevenBit].contains(envelope.sender.parameters.body),
            spool: .memory(ByteBuffer()),
            traceSize: transaction.traceSize
        )
        pause(for: spool.finish()) { [self] result in
            switch result {
            case .success(let bytes) where context != nil: take(message, bytes, size)
            // The client is gone and has no answer: it will send the message again.
            case .success: spool.discard()
            case .failure(let error):
                spool.discard()
                machine.messageVerdict(spoolReply(error))
            }
        }
    }

    /// Runs to its end even if the client goes away: what is committed is committed.
    private func take(_ message: IncomingMessage, _ bytes: SpooledBytes, _ size: Int) {
        var message = message
        message.spool = bytes
        let (intake, whole) = (backend.intake, message)
        tasks?.run { () -> DeliveryRefusal? in
            defer { if case .file(let path, _) = whole.spool { unlink(path) } }
            do throws(DeliveryRefusal) {
                try await traced(
                    whole.submitter == nil ? "smtp receive" : "smtp submit",
                    kind: .server,
                    parent: .root,
                    attributes: ["oonrumail.queue_id": whole.queueID.rawValue]
                ) { () async throws(DeliveryRefusal) in
                    try await intake.accept(whole)
                }
                return nil
            } catch {
                return error
            }
        } then: { [self] refusal in
            if let refusal {
                cause = refusal.cause
                machine.messageVerdict(SMTPReply(refusal))
            } else {
                backend.metrics.accepted.increment()
                backend.metrics.octets.increment(by: size)
                note(.acceptedRecipients(whole.recipients.map(\.address)))
                machine.messageVerdict(.queued(as: whole.queueID.rawValue))
                transaction = nil
            }
            pump()
        }
    }

    private func spoolReply(_ error: any Error) -> SMTPReply {
        let code = (error as? MessageSpool.Failure)?.code
        logger.error(
            "the spool cannot be written",
            metadata: ["cause": "\(code.map { String(cString: strerror($0)) } ?? "\(error)")"]
        )
        return code == ENOSPC || code == EDQUOT ? .storageFull : .localError(info.session)
    }
}

extension ForwardPath {
    var address: EmailAddress? {
        guard case .address(let address) = self else { return nil }
        return address
    }
}
