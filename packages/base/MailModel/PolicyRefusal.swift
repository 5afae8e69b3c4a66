/// Why a domain's policy does not let a message pass.
package enum PolicyRefusal: Hashable, Sendable {
    /// Larger than the policy allows, in octets (permanent).
    case tooLarge(limit: Int64)
    /// The rest may go in a message of its own (transient, for that recipient).
    case tooManyRecipients(limit: Int)
    /// The recipient's domain rules contents otherwise than those before it: they go in messages of their own (transient).
    case otherRules
    /// The account or its domain has sent what it may for now (transient).
    case sendingLimit(level: QuotaLevel, perDay: Bool)
    /// The sender's domain does not write there (permanent).
    case recipientNotAllowed
    /// The recipient's domain takes no mail of that sender (permanent).
    case senderBlocked
    /// The sender's domain must come encrypted (permanent in this session).
    case needsTLS
    /// The message has a file of a kind that the domain does not take (permanent); `name` is the message's own word.
    case attachment(name: String)

    /// What trace and log say beside the reply: one line, printable.
    package var cause: String {
        switch self {
        case .tooLarge(let limit): "the domain's policy takes \(limit) octets"
        case .tooManyRecipients(let limit): "the domain's policy takes \(limit) recipients"
        case .otherRules: "another policy than of the recipients before"
        case .sendingLimit(let level, let perDay):
            "sending limit of the \(level.rawValue) per \(perDay ? "day" : "hour")"
        case .recipientNotAllowed: "the domain's policy does not write there"
        case .senderBlocked: "the domain's policy blocks the sender"
        case .needsTLS: "the domain's policy wants that sender encrypted"
        case .attachment(let name):
            "the domain's policy does not take the attachment "
                + String(decoding: name.utf8.prefix(100).map { (33...126).contains($0) ? $0 : 63 }, as: UTF8.self)
        }
    }
}
