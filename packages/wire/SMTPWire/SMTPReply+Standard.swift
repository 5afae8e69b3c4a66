/// The replies that machine and shell share; all of them safe to show to strangers.
extension SMTPReply {
    // MARK: - Success

    package static func greeting(_ hostname: String) -> SMTPReply { SMTPReply(220, nil, "\(hostname) ESMTP") }
    package static func hello(_ hostname: String) -> SMTPReply { SMTPReply(250, nil, hostname) }
    package static let ok = SMTPReply(250, EnhancedStatus(2, 0, 0), "OK")
    package static let senderAccepted = SMTPReply(250, EnhancedStatus(2, 1, 0), "Sender OK")
    package static let recipientAccepted = SMTPReply(250, EnhancedStatus(2, 1, 5), "Recipient OK")
    package static let startMail = SMTPReply(354, nil, "Start mail input; end with <CRLF>.<CRLF>")
    package static func chunkReceived(_ size: Int) -> SMTPReply {
        SMTPReply(250, EnhancedStatus(2, 0, 0), "\(size) octets received")
    }
    /// After the commit, never before.
    package static func queued(as id: String) -> SMTPReply {
        SMTPReply(250, EnhancedStatus(2, 0, 0), "Queued as \(id)")
    }
    package static func closing(_ hostname: String) -> SMTPReply {
        SMTPReply(221, EnhancedStatus(2, 0, 0), "\(hostname) closing connection")
    }
    package static let readyForTLS = SMTPReply(220, EnhancedStatus(2, 0, 0), "Ready to start TLS")
    package static let authenticated = SMTPReply(235, EnhancedStatus(2, 7, 0), "Authentication successful")
    package static let help = SMTPReply(214, EnhancedStatus(2, 0, 0), "See RFC 5321")
    package static let cannotVerify = SMTPReply(252, EnhancedStatus(2, 1, 5), "Cannot verify; send and see")

    // MARK: - Transient

    /// The password of the session was revoked.
    package static let signInEnded = SMTPReply(421, EnhancedStatus(4, 7, 0), "Sign in again")
    package static let shuttingDown = SMTPReply(421, EnhancedStatus(4, 3, 2), "Service shutting down, try again later")
    package static let idleTooLong = SMTPReply(421, EnhancedStatus(4, 4, 2), "Timeout, closing connection")
    package static let tooManyErrors = SMTPReply(421, EnhancedStatus(4, 7, 0), "Too many errors, closing connection")
    package static let tooManyCommands = SMTPReply(
        421,
        EnhancedStatus(4, 7, 0),
        "Too many commands, closing connection"
    )
    package static let tooManyMessages = SMTPReply(
        421,
        EnhancedStatus(4, 7, 0),
        "Too many messages in this session, connect again"
    )
    package static let tooManyConnections = SMTPReply(
        421,
        EnhancedStatus(4, 7, 0),
        "Too many connections, try again later"
    )
    /// RFC 5321 §3.8: 421 may be said at any time; transient, so that the mail of a server that is banned by mistake is not lost.
    package static let networkBanned = SMTPReply(
        421,
        EnhancedStatus(4, 7, 0),
        "Too much misuse from your network, try again later"
    )
    package static let rateExceeded = SMTPReply(450, EnhancedStatus(4, 7, 1), "Rate exceeded, try again later")
    package static let tooManyRecipients = SMTPReply(452, EnhancedStatus(4, 5, 3), "Too many recipients")
    package static let mailboxFull = SMTPReply(452, EnhancedStatus(4, 2, 2), "Mailbox full")
    package static let storageFull = SMTPReply(452, EnhancedStatus(4, 3, 1), "Insufficient system storage")
    package static func localError(_ reportID: String) -> SMTPReply {
        SMTPReply(451, EnhancedStatus(4, 3, 0), "Local error, try again later (\(reportID))")
    }
    package static func authUnavailable(_ reportID: String) -> SMTPReply {
        SMTPReply(454, EnhancedStatus(4, 7, 0), "Temporary authentication failure (\(reportID))")
    }
    package static let tlsUnavailable = SMTPReply(454, EnhancedStatus(4, 7, 0), "TLS not available")

    // MARK: - Permanent

    package static let bareLineEndingInCommand = SMTPReply(
        500,
        EnhancedStatus(5, 5, 2),
        "Bare CR or LF: lines end with CRLF"
    )
    package static let badSequence = SMTPReply(503, EnhancedStatus(5, 5, 1), "Bad sequence of commands")
    package static let helloFirst = SMTPReply(503, EnhancedStatus(5, 5, 1), "EHLO or HELO first")
    package static let mailFirst = SMTPReply(503, EnhancedStatus(5, 5, 1), "MAIL first")
    package static let recipientFirst = SMTPReply(503, EnhancedStatus(5, 5, 1), "RCPT first")
    package static let noValidRecipients = SMTPReply(554, EnhancedStatus(5, 5, 1), "No valid recipients")
    package static let notImplemented = SMTPReply(502, EnhancedStatus(5, 5, 1), "Command not implemented")
    package static let binaryNeedsChunks = SMTPReply(503, EnhancedStatus(5, 5, 1), "BODY=BINARYMIME needs BDAT")
    package static let chunksBegun = SMTPReply(
        503,
        EnhancedStatus(5, 5, 1),
        "BDAT begun; only BDAT, RSET, NOOP or QUIT"
    )
    package static let bareLineEndingInMessage = SMTPReply(
        554,
        EnhancedStatus(5, 6, 0),
        "Bare CR or LF in message: lines end with CRLF"
    )
    package static let lineTooLongInMessage = SMTPReply(554, EnhancedStatus(5, 6, 0), "Line too long in message")
    package static let messageTooLarge = SMTPReply(552, EnhancedStatus(5, 3, 4), "Message too large")
    package static let utf8NotAnnounced = SMTPReply(553, EnhancedStatus(5, 6, 7), "Address needs SMTPUTF8 in MAIL")
    package static let noSuchUser = SMTPReply(550, EnhancedStatus(5, 1, 1), "No such mailbox here")
    package static let relayDenied = SMTPReply(550, EnhancedStatus(5, 7, 1), "Relaying denied")
    package static let senderNotOwned = SMTPReply(
        550,
        EnhancedStatus(5, 7, 1),
        "Sender address not allowed for this account"
    )
    package static let mailLoop = SMTPReply(554, EnhancedStatus(5, 4, 6), "Mail loop: too many Received fields")
    package static let authRequired = SMTPReply(530, EnhancedStatus(5, 7, 0), "Authentication required")
    package static let tlsRequired = SMTPReply(530, EnhancedStatus(5, 7, 0), "Must issue a STARTTLS command first")
    package static let encryptionRequired = SMTPReply(
        538,
        EnhancedStatus(5, 7, 11),
        "Encryption required for authentication"
    )
    package static let badCredentials = SMTPReply(535, EnhancedStatus(5, 7, 8), "Authentication credentials invalid")
    /// After a right password of an account with a second factor.
    package static let appPasswordNeeded = SMTPReply(
        534,
        EnhancedStatus(5, 7, 9),
        "The password alone is not enough here: sign in with an app password"
    )
    package static let authCancelled = SMTPReply(501, EnhancedStatus(5, 7, 0), "Authentication cancelled")
    package static let unknownMechanism = SMTPReply(504, EnhancedStatus(5, 5, 4), "Mechanism not supported")
    package static let alreadyAuthenticated = SMTPReply(503, EnhancedStatus(5, 5, 1), "Already authenticated")
    package static let bytesBehindSTARTTLS = SMTPReply(554, EnhancedStatus(5, 5, 1), "Commands behind STARTTLS")
}
