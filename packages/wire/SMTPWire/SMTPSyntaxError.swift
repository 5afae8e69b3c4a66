/// Why a line is no command; each case knows what the client is told.
package enum SMTPSyntaxError: Error, Hashable, Sendable {
    case unknownCommand
    case lineTooLong
    /// The text shows the right form.
    case wrongForm(String)
    case badSender
    case badRecipient
    case unknownParameter
    /// A known parameter whose value is wrong, or given twice.
    case badParameter(String)
    case badBase64
    /// BDAT without a readable size: where the next command starts is unknown.
    case lostFraming

    package var reply: SMTPReply {
        switch self {
        case .unknownCommand: SMTPReply(500, EnhancedStatus(5, 5, 1), "Command not recognized")
        case .lineTooLong: SMTPReply(500, EnhancedStatus(5, 5, 2), "Line too long")
        case .wrongForm(let form): SMTPReply(501, EnhancedStatus(5, 5, 4), "Syntax: \(form)")
        case .badSender: SMTPReply(501, EnhancedStatus(5, 1, 7), "Syntax: MAIL FROM:<address> [parameters]")
        case .badRecipient: SMTPReply(501, EnhancedStatus(5, 1, 3), "Syntax: RCPT TO:<address> [parameters]")
        case .unknownParameter: SMTPReply(555, EnhancedStatus(5, 5, 4), "Parameter not recognized or not supported")
        case .badParameter(let name): SMTPReply(501, EnhancedStatus(5, 5, 4), "Bad value of parameter \(name)")
        case .badBase64: SMTPReply(501, EnhancedStatus(5, 5, 2), "Cannot decode base64")
        case .lostFraming: SMTPReply(501, EnhancedStatus(5, 5, 4), "Syntax: BDAT size [LAST]")
        }
    }
}
