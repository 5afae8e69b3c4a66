import MailModel
import MailPorts
import MessageFormat
import NIOCore

/// Plans the delivery of a bounce: into a mailbox here, or through the queue.
struct BounceWriter: Sendable {
    /// Aliases that lead to aliases.
    private static let maximumNesting = 10

    let queue: any QueueStore
    let directory: any DirectoryStore
    let configuration: QueueConfiguration

    /// nil when nobody may be told: mail from the null sender (RFC 5321 §4.5.5), or a sender that is no more.
    func bounce(_ lease: QueueLease, _ failures: [DSNBuilder.Failure], now: Timestamp) async throws(StoreError) -> DeliveryPlan? {
        guard !failures.isEmpty, case .address(let sender) = lease.sender else { return nil }
        var (local, remote) = ([(account: AccountID, address: EmailAddress)](), [EmailAddress]())
        try await resolve(sender, into: &local, &remote)
        guard !local.isEmpty || !remote.isEmpty else { return nil }
        let id = QueueID(time: now, random: .random(in: 0 ... .max))
        let header = try await queue.read(lease.queueID, submitter: lease.submitter, range: 0..<min(lease.size, DSNBuilder.maximumHeader))
        let bytes = DSNBuilder(hostname: configuration.hostname).failureNotice(
            to: sender, id: id, arrivedAt: lease.createdAt, failures: failures, header: Array(header.readableBytesView), now: now
        )
        let summary = MessageSummary(parsing: bytes)
        let event = { (kind: TraceEvent.Kind, recipient: EmailAddress?) in
            TraceEvent(
                at: now, kind: kind, queueID: id, messageID: summary.messageID, sender: "", recipient: recipient?.description,
                detail: "bounce of \(lease.queueID)"
            )
        }
        return DeliveryPlan(
            queueID: id, receivedAt: now, sender: .null, bytes: .memory(ByteBuffer(bytes: bytes)), summary: summary,
            localCopies: local.map { target in
                LocalCopy(
                    account: target.account, recipient: target.address,
                    prefix: Array("Return-Path: <>\r\nDelivered-To: \(target.address)\r\n".utf8)
                )
            },
            remote: remote.map { RemoteRecipient(address: $0) }, expiresAt: now.adding(seconds: configuration.expirySeconds),
            needsSMTPUTF8: lease.needsSMTPUTF8, is8Bit: true,
            trace: [event(.accepted, nil)] + local.map { event(.delivered, $0.address) } + remote.map { event(.queued, $0) }
        )
    }

    private func resolve(
        _ address: EmailAddress, into local: inout [(account: AccountID, address: EmailAddress)], _ remote: inout [EmailAddress]
    ) async throws(StoreError) {
        var waiting = [(address: address, depth: 0)]
        var seen: Set<EmailAddress> = []
        while let (next, depth) = waiting.popLast() {
            guard depth <= Self.maximumNesting, seen.insert(next).inserted else { continue }
            switch try await directory.resolve(next) {
            case .account(let account, _, _): local.append((account, next))
            case .alias(let targets): waiting += targets.map { ($0, depth + 1) }
            case .notHosted: remote.append(next)
            case .unknownAddress, .suspended: continue
            }
        }
    }
}
