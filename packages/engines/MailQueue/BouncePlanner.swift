import MailModel
import MailPorts
import MessageFormat
import NIOCore

/// Decides where a notification goes and makes the plan that delivers it.
struct BouncePlanner: Sendable {
    /// Aliases followed for one sender, and addresses they lead to.
    private static let maximumNesting = 10
    private static let maximumTargets = 100

    let queue: any QueueStore
    let directory: any DirectoryStore
    let configuration: QueueConfiguration

    /// nil when nobody is to be told: the sender is null (RFC 5321 §4.5.5), or is an address of ours that is no more.
    ///
    /// Throws when it cannot be told now; the recipients are not to be given up before it can.
    func plan(
        _ failed: [FailedRecipient],
        of lease: QueueLease,
        at now: Timestamp
    ) async throws(StoreError) -> DeliveryPlan? {
        guard !failed.isEmpty, case .address(let sender) = lease.sender else { return nil }
        let (accounts, remote) = try await targets(of: sender)
        guard !accounts.isEmpty || !remote.isEmpty else { return nil }
        let id = QueueID(time: now, random: .random(in: .min ... .max))
        let original = DSNBuilder.Original(
            queueID: lease.queueID,
            arrivedAt: lease.createdAt,
            header: await header(of: lease)
        )
        let bytes = DSNBuilder(hostname: configuration.hostname).build(
            id: id,
            to: sender,
            about: original,
            failed: failed,
            at: now
        )
        let is8Bit = bytes.contains { $0 >= 128 }
        let summary = MessageSummary(parsing: bytes)
        let event = { (kind: TraceEvent.Kind, recipient: EmailAddress) in
            TraceEvent(
                at: now,
                kind: kind,
                queueID: id,
                messageID: summary.messageID,
                sender: "",
                recipient: recipient.description,
                detail: "notification about \(lease.queueID)"
            )
        }
        return DeliveryPlan(
            queueID: id,
            receivedAt: now,
            submitter: .system,
            sender: .null,
            bytes: .memory(ByteBuffer(bytes: bytes)),
            summary: summary,
            localCopies: accounts.map { Self.copy(for: $0.account, $0.address) },
            remote: remote.map { RemoteRecipient(address: $0) },
            expiresAt: now.adding(seconds: configuration.expirySeconds),
            needsSMTPUTF8: sender.needsUTF8,
            is8Bit: is8Bit,
            trace: accounts.map { event(.delivered, $0.address) } + remote.map { event(.queued, $0) }
        )
    }

    private static func copy(for account: AccountID, _ address: EmailAddress) -> LocalCopy {
        LocalCopy(
            account: account,
            recipient: address,
            prefix: Array("Return-Path: <>\r\nDelivered-To: \(address)\r\n".utf8)
        )
    }

    // MARK: - Targets

    private typealias Targets = (local: [(account: AccountID, address: EmailAddress)], remote: [EmailAddress])

    private func targets(of sender: EmailAddress) async throws(StoreError) -> Targets {
        var found: Targets = ([], [])
        var seen: Set<EmailAddress> = []
        var waiting = [(address: sender, depth: 0)]
        while let (address, depth) = waiting.popLast(), seen.count < Self.maximumTargets {
            guard depth <= Self.maximumNesting, seen.insert(address).inserted else { continue }
            switch try await directory.resolve(address) {
            case .account(let account, usedBytes: _, quotaBytes: _, script: _, isAway: _),
                .masked(let account, usedBytes: _, quotaBytes: _, script: _), .full(let account, _):
                if !found.local.contains(where: { $0.account == account }) { found.local.append((account, address)) }
            case .alias(let targets):
                waiting += targets.reversed().map { ($0, depth + 1) }
            case .notHosted:
                found.remote.append(address)
            // A list is no sender: its copies name its bounce address.
            case .unknownAddress, .suspended, .list:
                continue
            }
        }
        return found
    }

    // MARK: - The original

    /// What can be read of its header: a notification without it is better than none.
    private func header(of lease: QueueLease) async -> [UInt8] {
        let range = 0..<min(lease.size, DSNBuilder.maximumHeader)
        do throws(StoreError) {
            let bytes = try await queue.read(lease.queueID, submitter: lease.submitter, range: range)
            return Array(bytes.readableBytesView)
        } catch {
            return []
        }
    }
}
