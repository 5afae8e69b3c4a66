import MailModel
import NIOCore

/// MAIL, RCPT and DATA.
extension SMTPClientMachine {
    mutating func beginEnvelope() {
        if let obstacle { return settle(undecided: .permanent(obstacle)) }
        var commands: [SMTPClientEnvelope.Command] = [.mail]
        for (index, recipient) in transaction.recipients.enumerated() {
            if !Self.isSendable(recipient) {
                outcomes[index] = .permanent(SMTPReply(553, EnhancedStatus(5, 1, 3), "Address cannot be sent"))
            } else if recipient.needsUTF8, !capabilities.smtpUTF8 {
                outcomes[index] = .permanent(
                    SMTPReply(553, EnhancedStatus(5, 6, 7), "SMTPUTF8 is needed but not offered")
                )
            } else {
                commands.append(.recipient(index))
            }
        }
        guard commands.count > 1 else {
            return settle(undecided: .transient(SMTPReply(451, EnhancedStatus(4, 3, 0), "No recipients")))
        }
        commands.append(.data)
        var envelope = SMTPClientEnvelope(commands: commands)
        sendNext(&envelope)
        state = .awaitingEnvelope(envelope)
    }

    /// Why this server can never take this message.
    private var obstacle: SMTPReply? {
        if case .address(let sender) = transaction.sender, !Self.isSendable(sender) {
            return SMTPReply(553, EnhancedStatus(5, 1, 7), "Sender address cannot be sent")
        }
        if needsSMTPUTF8, !capabilities.smtpUTF8 {
            return SMTPReply(554, EnhancedStatus(5, 6, 7), "SMTPUTF8 is needed but not offered")  // RFC 6531 §3.2
        }
        if transaction.is8Bit, !capabilities.eightBitMIME {
            return SMTPReply(554, EnhancedStatus(5, 6, 3), "8BITMIME is needed but not offered")  // RFC 6152 §3
        }
        if let maximum = capabilities.maximumSize, transaction.size > maximum {
            return SMTPReply(
                552,
                EnhancedStatus(5, 3, 4),
                "Message of \(transaction.size) octets exceeds the server's limit of \(maximum)"
            )
        }
        return nil
    }

    private var needsSMTPUTF8: Bool {
        if case .address(let sender) = transaction.sender, sender.needsUTF8 { return true }
        return transaction.needsSMTPUTF8
    }

    /// An address that could end its command, or its path, never reaches the wire.
    private static func isSendable(_ address: EmailAddress) -> Bool {
        !address.description.utf8.contains { $0 < 32 || $0 == 127 }
            && !address.domain.utf8.contains { $0 == 32 || $0 == 60 || $0 == 62 || $0 == 34 || $0 == 92 }
            && !address.domain.isEmpty && !address.localPart.isEmpty
    }

    // MARK: - Commands

    /// RFC 2920 §3.1: all of them at once, DATA last; without PIPELINING one at a time.
    private mutating func sendNext(_ envelope: inout SMTPClientEnvelope) {
        let end = capabilities.pipelining ? envelope.commands.count : envelope.answered + 1
        var lines = ""
        while envelope.sent < end {
            let line = line(of: envelope.commands[envelope.sent])
            log.client(line)
            lines += line + "\r\n"
            envelope.sent += 1
        }
        if !lines.isEmpty { pending.append(.send(ByteBuffer(string: lines))) }
    }

    private func line(of command: SMTPClientEnvelope.Command) -> String {
        switch command {
        case .mail: mailLine
        case .recipient(let index): "RCPT TO:<\(transaction.recipients[index])>"
        case .data: "DATA"
        }
    }

    private var mailLine: String {
        var line = "MAIL FROM:<\(transaction.sender)>"
        if capabilities.hasSize { line += " SIZE=\(transaction.size)" }
        if transaction.is8Bit { line += " BODY=8BITMIME" }
        if capabilities.smtpUTF8, needsSMTPUTF8 || transaction.recipients.contains(where: \.needsUTF8) {
            line += " SMTPUTF8"
        }
        return line
    }

    // MARK: - Replies

    mutating func proceed(_ envelope: SMTPClientEnvelope, _ reply: SMTPReply) {
        var envelope = envelope
        let command = envelope.commands[envelope.answered]
        envelope.answered += 1
        switch command {
        case .mail:
            if !reply.isPositive { envelope.mailRefusal = reply }
        case .recipient(let index):
            if let refusal = envelope.mailRefusal {
                outcomes[index] = Self.refused(refusal)
            } else if reply.isPositive {
                envelope.accepted.append(index)
            } else {
                outcomes[index] = Self.refused(reply)
            }
        case .data:
            return dataAnswered(envelope, reply)
        }
        guard !isHopeless(envelope) else { return settle(undecided: Self.refused(envelope.mailRefusal ?? reply)) }
        sendNext(&envelope)
        state = .awaitingEnvelope(envelope)
    }

    /// Nothing is on its way, and DATA would have nobody to go to.
    private func isHopeless(_ envelope: SMTPClientEnvelope) -> Bool {
        guard envelope.sent == envelope.answered else { return false }
        if envelope.mailRefusal != nil { return true }
        return envelope.answered == envelope.commands.count - 1 && envelope.accepted.isEmpty
    }

    private mutating func dataAnswered(_ envelope: SMTPClientEnvelope, _ reply: SMTPReply) {
        accepted = envelope.accepted
        guard reply.code == 354 else {
            for index in accepted { outcomes[index] = Self.refused(reply) }
            return settle(undecided: Self.refused(envelope.mailRefusal ?? reply))
        }
        guard !accepted.isEmpty else {
            // RFC 2920 §3.1: 354 with no recipient left: "the client SHOULD send a single dot".
            state = .awaitingDelivery
            send(".")
            return
        }
        state = .sendingBody
        pending.append(.sendBody)
    }

    mutating func delivered(_ reply: SMTPReply) {
        let outcome = reply.isIntermediate ? SMTPClientOutcome.transient(reply) : SMTPClientOutcome(reply)
        for index in accepted { outcomes[index] = outcome }
        settle(undecided: Self.refused(reply))
    }

    /// A reply that is no acceptance where one was needed: permanent only when it says so.
    private static func refused(_ reply: SMTPReply) -> SMTPClientOutcome {
        reply.isPermanent ? .permanent(reply) : .transient(reply)
    }
}
