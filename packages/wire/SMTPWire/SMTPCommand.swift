/// One command of a client, parsed; a value that exists is well formed, not yet allowed.
package enum SMTPCommand: Hashable, Sendable {
    case hello(SMTPHello)
    case mail(SMTPSender)
    case rcpt(SMTPRecipient)
    case data
    /// RFC 3030 §2: that many octets follow the command's CRLF.
    case bdat(size: Int, isLast: Bool)
    case rset
    case noop
    case quit
    case vrfy
    case expn
    case help
    case startTLS
    /// RFC 4954 §4: the mechanism in upper case; the initial response decoded, empty for `=`.
    case auth(mechanism: String, initialResponse: SensitiveBytes?)
}
