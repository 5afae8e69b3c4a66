package import MailModel
package import MailPorts
import MessageFormat
import NIOCore
package import SenderAuth

/// Sends the platform's own mail: into mailboxes here at once, to others by the queue, signed where the From domain is ours.
package struct PlatformMailer: NoticeSending {
    /// How long the queue tries: what the mail is for is over then.
    private static let lifetimeSeconds: Int64 = 86_400
    /// Targets of an alias that one notice goes to.
    private static let maximumTargets = 20

    private let directory: any DirectoryStore
    private let deliveries: any DeliveryStore
    private let signer: DKIMMessageSigner
    private let hostname: String

    package init(
        directory: any DirectoryStore,
        deliveries: any DeliveryStore,
        signer: DKIMMessageSigner,
        hostname: String
    ) {
        self.directory = directory
        self.deliveries = deliveries
        self.signer = signer
        self.hostname = hostname
    }

    package func send(_ notice: PlatformNotice, now: Timestamp) async throws(StoreError) {
        let id = QueueID(time: now, random: .random(in: .min ... .max))
        let domain = try await source(of: notice)
        let message = PlatformMessage(
            id: id,
            hostname: hostname,
            domain: domain,
            recipients: [notice.recipient],
            subject: notice.subject,
            text: notice.text
        ).bytes(at: now)
        let bytes = try await signer.sign(message, domain: domain) + message
        let summary = MessageSummary(parsing: bytes)
        let (local, remote) = try await places(of: notice.recipient)
        _ = try await deliveries.deliver(
            DeliveryPlan(
                queueID: id,
                receivedAt: now,
                submitter: .system,
                sender: .null,
                bytes: .memory(ByteBuffer(bytes: bytes)),
                summary: summary,
                localCopies: local.map { account in
                    LocalCopy(
                        account: account,
                        recipient: notice.recipient,
                        prefix: Array("Return-Path: <>\r\nDelivered-To: \(notice.recipient)\r\n".utf8)
                    )
                },
                remote: remote.map { RemoteRecipient(address: $0) },
                expiresAt: now.adding(seconds: Self.lifetimeSeconds),
                needsSMTPUTF8: notice.recipient.description.utf8.contains { $0 >= 128 },
                is8Bit: bytes.contains { $0 >= 128 },
                trace: [
                    TraceEvent(
                        at: now,
                        kind: local.isEmpty ? .queued : .delivered,
                        queueID: id,
                        messageID: summary.messageID,
                        sender: "",
                        recipient: notice.recipient.description,
                        detail: "notice of the platform"
                    )
                ]
            )
        )
    }

    /// A domain of ours: nothing goes out in the name of another's.
    private func source(of notice: PlatformNotice) async throws(StoreError) -> String {
        guard let domain = notice.domain, try await directory.domain(named: domain) != nil else { return hostname }
        return domain
    }

    /// Accounts here, and addresses elsewhere; an alias is followed once.
    private func places(
        of address: EmailAddress
    ) async throws(StoreError) -> (local: [AccountID], remote: [EmailAddress]) {
        switch try await directory.resolve(address) {
        case .account(let id, usedBytes: _, quotaBytes: _), .masked(let id, usedBytes: _, quotaBytes: _):
            return ([id], [])
        case .notHosted: return ([], [address])
        case .alias(let targets):
            var (local, remote): ([AccountID], [EmailAddress]) = ([], [])
            for target in targets.prefix(Self.maximumTargets) {
                switch try await directory.resolve(target) {
                case .account(let id, usedBytes: _, quotaBytes: _), .masked(let id, usedBytes: _, quotaBytes: _):
                    local.append(id)
                case .notHosted: remote.append(target)
                case .full, .alias, .list, .unknownAddress, .suspended: ()
                }
            }
            guard !local.isEmpty || !remote.isEmpty else { throw .refused("the address takes no mail") }
            return (local, remote)
        case .full, .list, .unknownAddress, .suspended: throw .refused("the address takes no mail")
        }
    }
}
