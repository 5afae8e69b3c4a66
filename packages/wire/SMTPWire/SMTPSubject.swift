import ByteParsing
import MailModel

/// What a refusal is about, for the shell's record of it.
package enum SMTPSubject: Hashable, Sendable {
    /// The session, or a command that moves no mail.
    case session
    /// MAIL: the sender, printable; as the client wrote it where it is no address.
    case sender(String)
    /// RCPT inside a transaction, likewise.
    case recipient(String)
    /// The message, or the transaction as a whole.
    case message
    case authentication

    /// Octets kept of what is no address.
    static let maximumText = 256

    /// The subject of a line that is no command.
    static func ofUnreadable(_ line: [UInt8]) -> SMTPSubject {
        var cursor = ByteCursor(line)
        if cursor.skip(ignoringCase: "mail from:") { return .sender(path(&cursor)) }
        if cursor.skip(ignoringCase: "rcpt to:") { return .recipient(path(&cursor)) }
        return cursor.skip(ignoringCase: "auth ") ? .authentication : .session
    }

    /// What stands where the path should, without angle brackets and controls.
    private static func path(_ cursor: inout ByteCursor) -> String {
        while cursor.skip(ASCII.space) {}
        let end: UInt8 = cursor.skip(ASCII.less) ? ASCII.greater : ASCII.space
        let text = cursor.take { $0 != end }.prefix(maximumText)
        return String(decoding: text.map { $0.isASCIIControl ? ASCII.question : $0 }, as: UTF8.self)
    }
}

extension SMTPServerMachine {
    func subject(of command: SMTPCommand) -> SMTPSubject {
        switch command {
        case .mail(let sender): .sender(sender.path.description)
        case .rcpt(let recipient): isInTransaction ? .recipient(recipient.path.description) : .session
        case .data, .bdat: isInTransaction ? .message : .session
        case .auth: .authentication
        case .hello, .rset, .noop, .quit, .vrfy, .expn, .help, .startTLS: .session
        }
    }

    func subject(ofUnreadable line: [UInt8]) -> SMTPSubject {
        let found = SMTPSubject.ofUnreadable(line)
        if case .recipient = found, !isInTransaction { return .session }
        return found
    }

    /// MAIL was accepted, and what it began has not ended.
    var isInTransaction: Bool {
        switch state {
        case .awaitingRecipient, .checkingRecipient, .beginningMessage, .receivingData, .receivingChunk, .awaitingChunk,
            .awaitingVerdict:
            true
        case .awaitingGreeting, .awaitingHello, .awaitingMail, .checkingSender, .authenticating, .awaitingAuthResponse,
            .startingTLS, .closed:
            false
        }
    }
}
