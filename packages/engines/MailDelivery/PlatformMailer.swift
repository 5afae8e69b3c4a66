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
        let (local, remote) = try await places(of: notice.recipient)
        _ = try await deliveries.deliver(
            try await plan(
                Letter(
                    domain: try await source(of: notice),
                    recipients: [notice.recipient],
                    copies: local.map { ($0, notice.recipient) },
                    remote: remote,
                    subject: notice.subject,
                    text: notice.text
                ),
                now
            )
        )
    }

    /// A notice, and where it goes.
    private struct Letter {
        var domain: String
        var recipients: [EmailAddress]
        var copies: [(account: AccountID, recipient: EmailAddress)]
        var remote: [EmailAddress]
        var subject: String
        var text: String
    }

    private func plan(_ letter: Letter, _ now: Timestamp) async throws(StoreError) -> DeliveryPlan {
        let id = QueueID(time: now, random: .random(in: .min ... .max))
        let message = PlatformMessage(
            id: id,
            hostname: hostname,
            domain: letter.domain,
            recipients: letter.recipients,
            subject: letter.subject,
            text: letter.text
        ).bytes(at: now)
        let places = (copies: letter.copies, remote: letter.remote)
        return try await plan(message, as: id, from: letter.domain, to: places, "notice of the platform", now)
    }

    /// One message from nobody (RFC 5321 §4.5.5), signed for the domain.
    private func plan(
        _ message: [UInt8],
        as id: QueueID,
        from domain: String,
        to places: (copies: [(account: AccountID, recipient: EmailAddress)], remote: [EmailAddress]),
        _ detail: String,
        _ now: Timestamp
    ) async throws(StoreError) -> DeliveryPlan {
        let bytes = try await signer.sign(message, domain: domain) + message
        let header = bytes[..<HeaderBlock(bytes).bodyStart]
        let summary = MessageSummary(parsing: bytes)
        func event(_ kind: TraceEvent.Kind, _ recipient: EmailAddress) -> TraceEvent {
            TraceEvent(
                at: now,
                kind: kind,
                queueID: id,
                messageID: summary.messageID,
                sender: "",
                recipient: recipient.description,
                detail: detail
            )
        }
        return DeliveryPlan(
            queueID: id,
            receivedAt: now,
            submitter: .system,
            sender: .null,
            bytes: .memory(ByteBuffer(bytes: bytes)),
            summary: summary,
            localCopies: places.copies.map { account, recipient in
                LocalCopy(
                    account: account,
                    recipient: recipient,
                    prefix: Array("Return-Path: <>\r\nDelivered-To: \(recipient)\r\n".utf8)
                )
            },
            remote: places.remote.map { RemoteRecipient(address: $0) },
            expiresAt: now.adding(seconds: Self.lifetimeSeconds),
            needsSMTPUTF8: header.contains { $0 >= 128 },
            is8Bit: bytes.contains { $0 >= 128 },
            trace: places.copies.map { event(.delivered, $0.recipient) } + places.remote.map { event(.queued, $0) }
        )
    }

    /// A message from nobody to one address; nil where the address takes no mail.
    func plan(
        _ message: [UInt8],
        as id: QueueID,
        to recipient: EmailAddress,
        from domain: String,
        _ detail: String,
        _ now: Timestamp
    ) async throws(StoreError) -> DeliveryPlan? {
        let (local, remote): ([AccountID], [EmailAddress])
        do throws(StoreError) {
            (local, remote) = try await places(of: recipient)
        } catch .refused {
            return nil
        }
        return try await plan(message, as: id, from: domain, to: (local.map { ($0, recipient) }, remote), detail, now)
    }

    /// What somebody who is away answers; nil where the sender's address leads back to them or takes no mail.
    func plan(_ reply: VacationReply, from account: AccountID, now: Timestamp) async throws(StoreError) -> DeliveryPlan?
    {
        let (local, remote): ([AccountID], [EmailAddress])
        do throws(StoreError) {
            (local, remote) = try await places(of: reply.recipient)
        } catch .refused {
            return nil
        }
        guard !local.contains(account) else { return nil }
        let id = QueueID(time: now, random: .random(in: .min ... .max))
        return try await plan(
            reply.bytes(as: id, at: now, hostname),
            as: id,
            from: reply.author.domain,
            to: (local.map { ($0, reply.recipient) }, remote),
            "answer for \(reply.author), who is away",
            now
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
        case .account(let id, usedBytes: _, quotaBytes: _, script: _, isAway: _),
            .masked(let id, usedBytes: _, quotaBytes: _, script: _):
            return ([id], [])
        case .notHosted: return ([], [address])
        case .alias(let targets):
            var (local, remote): ([AccountID], [EmailAddress]) = ([], [])
            for target in targets.prefix(Self.maximumTargets) {
                switch try await directory.resolve(target) {
                case .account(let id, usedBytes: _, quotaBytes: _, script: _, isAway: _),
                    .masked(let id, usedBytes: _, quotaBytes: _, script: _):
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

extension PlatformMailer: AccountNoticeSending {
    package func plan(
        to readers: [Account],
        subject: String,
        text: String,
        now: Timestamp
    ) async throws(StoreError) -> DeliveryPlan {
        var (copies, remote): ([(account: AccountID, recipient: EmailAddress)], [EmailAddress]) = ([], [])
        for reader in readers {
            if try await directory.domain(named: reader.primaryAddress.domain) == nil {
                remote.append(reader.primaryAddress)
            } else {
                copies.append((reader.id, reader.primaryAddress))
            }
        }
        return try await plan(
            Letter(
                domain: hostname,
                recipients: readers.map(\.primaryAddress),
                copies: copies,
                remote: remote,
                subject: subject,
                text: text
            ),
            now
        )
    }

    package func send(
        to readers: [Account],
        subject: String,
        text: String,
        now: Timestamp
    ) async throws(StoreError) {
        _ = try await deliveries.deliver(try await plan(to: readers, subject: subject, text: text, now: now))
    }
}
