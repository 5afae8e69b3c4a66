package import MailModel

/// What the client said in HELO or EHLO, printable and bounded; nothing about it has been verified.
package struct SMTPHello: Hashable, Sendable {
    package let name: String
    /// EHLO (RFC 5321 §3.2) and not HELO: extensions may be used.
    package let isExtended: Bool

    package init(name: String, isExtended: Bool) {
        self.name = name
        self.isExtended = isExtended
    }
}

/// RFC 6152 and RFC 3030: what octets the body may hold.
package enum SMTPBodyType: Hashable, Sendable {
    case sevenBit
    case eightBitMIME
    case binaryMIME
}

/// RFC 3461 §4.3: what a delivery status notification should return.
package enum DSNReturn: Hashable, Sendable {
    case full
    case headers
}

/// RFC 3461 §4.1: when the sender wants to be told.
package enum DSNNotify: Hashable, Sendable {
    case never
    case on(success: Bool, failure: Bool, delay: Bool)
}

/// The parameters of MAIL.
package struct MailParameters: Hashable, Sendable {
    /// RFC 1870: what the client says the size is.
    package var size: Int?
    package var body: SMTPBodyType?
    /// RFC 6531.
    package var smtpUTF8 = false
    /// RFC 4954 §5, decoded from xtext: who the client says submitted it; `<>` for nobody.
    package var submitter: String?
    package var dsnReturn: DSNReturn?
    /// RFC 3461 §4.4, decoded from xtext.
    package var envelopeID: String?
    /// RFC 8689.
    package var requireTLS = false

    package init() {}
}

/// MAIL: the sender with its parameters.
package struct SMTPSender: Hashable, Sendable {
    package var path: ReversePath
    package var parameters: MailParameters

    package init(_ path: ReversePath, parameters: MailParameters = MailParameters()) {
        self.path = path
        self.parameters = parameters
    }
}

/// RFC 5321 §4.1.1.3: where mail goes; `<postmaster>` needs no domain.
package enum ForwardPath: Hashable, Sendable, CustomStringConvertible {
    case postmaster
    case address(EmailAddress)

    /// Without angle brackets.
    package var description: String {
        switch self {
        case .postmaster: "postmaster"
        case .address(let address): address.description
        }
    }
}

/// RCPT: one recipient with its parameters.
package struct SMTPRecipient: Hashable, Sendable {
    package var path: ForwardPath
    package var notify: DSNNotify?
    /// RFC 3461 §4.2, `type;address`, decoded from xtext.
    package var originalRecipient: String?

    package init(_ path: ForwardPath, notify: DSNNotify? = nil, originalRecipient: String? = nil) {
        self.path = path
        self.notify = notify
        self.originalRecipient = originalRecipient
    }
}

/// Sender and accepted recipients of one transaction.
package struct SMTPEnvelope: Hashable, Sendable {
    package var sender: SMTPSender
    /// In the order of acceptance; at least one when a message begins.
    package var recipients: [SMTPRecipient]

    package init(sender: SMTPSender, recipients: [SMTPRecipient]) {
        self.sender = sender
        self.recipients = recipients
    }
}
