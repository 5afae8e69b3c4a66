import MailModel
import MailPorts
import MessageFormat

/// What one attempt came to for one recipient.
struct Verdict: Sendable {
    enum Kind: Sendable {
        case delivered
        case transient
        case permanent
    }

    var recipient: QueueLease.Recipient
    var kind: Kind
    /// On one line, bounded, without the host's name.
    var reply: String
    /// Who said so; nil when nobody was asked.
    var host: RemoteHost?

    init(_ recipient: QueueLease.Recipient, _ kind: Kind, reply: String, host: RemoteHost? = nil) {
        self.recipient = recipient
        self.kind = kind
        let suffix = host.map { " (\($0.name))" } ?? ""
        let hasSuffix = !suffix.isEmpty && reply.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
        let plain = hasSuffix ? String(decoding: reply.utf8.dropLast(suffix.utf8.count), as: UTF8.self) : reply
        self.reply = ReplyText.clipped(plain)
        self.host = host
    }

    /// As the queue keeps it: `550 5.1.1 No such user (mx.example.test)`.
    var attributedReply: String { host.map { "\(reply) (\($0.name))" } ?? reply }

    /// As the trace keeps it: the reply, then `mx.example.test [192.0.2.1]:25`.
    var detail: String {
        guard let host else { return reply }
        return "\(reply); \(host.name)\(host.address.map { " [\($0)]" } ?? ""):\(host.port)"
    }

    init(_ recipient: QueueLease.Recipient, _ result: RemoteResult, _ host: RemoteHost) {
        switch result {
        case .accepted(let reply): self.init(recipient, .delivered, reply: reply, host: host)
        case .transient(let reply): self.init(recipient, .transient, reply: reply, host: host)
        case .permanent(let reply): self.init(recipient, .permanent, reply: reply, host: host)
        }
    }

    init(_ recipient: QueueLease.Recipient, _ failure: RouteFailure) {
        switch failure {
        case .transient(let reply): self.init(recipient, .transient, reply: reply)
        case .permanent(let reply): self.init(recipient, .permanent, reply: reply)
        }
    }
}
