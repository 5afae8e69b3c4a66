package import Logging
import MailModel
package import MailPorts
import MessageFormat
import NIOCore

/// Takes whole messages: checks them, decides where each copy goes, and writes everything in one transaction.
///
/// When `accept` returns, the message is on stable storage with all that follows from it.
package struct MessageIntake: Sendable {
    package struct Limits: Sendable {
        /// Received fields before a message counts as looping (RFC 5321 §6.3 wants at least 100 borne or a reason:
        /// mail that crosses 50 servers goes in circles).
        package var received = 50
        /// Seconds until queued mail is given up.
        package var expirySeconds: Int64 = 432_000
        /// Octets of messages from spool files that are in memory at once.
        package var largeMessageMemory = 256 << 20
        package init() {}
    }

    private let deliveries: any DeliveryStore
    private let hostname: String
    private let preparer: SubmissionPreparer
    private let judge: (any MessageJudging)?
    private let responder: VacationResponder?
    let scripts: ScriptedDelivery?
    let listCopy: ListCopy
    let limits: Limits
    private let budget: ByteBudget
    private let logger: Logger

    package init(
        deliveries: any DeliveryStore,
        signer: any MessageSigning,
        judge: (any MessageJudging)? = nil,
        responder: VacationResponder? = nil,
        scripts: ScriptedDelivery? = nil,
        hostname: String,
        resolver: (any DNSResolving)? = nil,
        limits: Limits = Limits(),
        logger: Logger
    ) {
        self.deliveries = deliveries
        self.hostname = hostname
        self.preparer = SubmissionPreparer(hostname: hostname, signer: signer, judge: judge)
        self.judge = judge
        self.responder = responder
        self.scripts = scripts
        self.listCopy = ListCopy(signer: signer, policy: AuthorPolicy(resolver: resolver))
        self.limits = limits
        self.budget = ByteBudget(limit: limits.largeMessageMemory)
        self.logger = logger
    }

    package func accept(_ message: IncomingMessage) async throws(DeliveryRefusal) {
        guard case .file(_, let size) = message.spool else { return try await take(message) }
        try await budget.with(size) { () async throws(DeliveryRefusal) in try await take(message) }
    }

    @concurrent
    private func take(_ message: IncomingMessage) async throws(DeliveryRefusal) {
        guard var bytes = message.spool.load() else {
            logger.error("the spool cannot be read", metadata: metadata(message))
            throw .unavailable(reportID: message.queueID.rawValue)
        }
        guard HeaderBlock(bytes).count("received") <= limits.received + 1 else { throw .loop }
        if let quota = message.recipients.compactMap(\.expansion.smallestQuota).min(), bytes.count > quota {
            throw .neverFits
        }
        try await requireTaken(message, bytes)
        var spool = message.spool
        if let submitter = message.submitter {
            bytes = try await preparer.prepare(message, bytes, for: submitter)
            spool = .memory(ByteBuffer(bytes: bytes))
        } else if let cleaned = ForgedResults.removed(from: bytes, hostname: hostname) {
            bytes = cleaned
            spool = .memory(ByteBuffer(bytes: bytes))
        }
        var reached = Reached()
        let own = plan(
            message,
            spool,
            MessageSummary(parsing: bytes),
            needsSMTPUTF8: message.isUTF8 && Self.isInternational(message, bytes),
            is8Bit: bytes.contains { $0 >= 128 },
            &reached
        )
        let lists = try await listPlans(message, bytes, &reached)
        let handled = try await scripted(message, own, bytes, lists, reached)
        let plan = handled?.plans[0] ?? own
        let copies = handled.map { Array($0.written.dropFirst()) } ?? lists
        do throws(StoreError) {
            if copies.isEmpty {
                _ = try await deliveries.deliver(plan)
            } else {
                try await deliveries.deliver(all: Self.joined(plan, copies))
            }
        } catch {
            logger.warning("message not taken", metadata: metadata(message).merging(["cause": "\(error)"]) { $1 })
            throw DeliveryRefusal(error)
        }
        var facts = metadata(message)
        facts["message_id"] = "\(plan.summary.messageID ?? "-")"
        facts["size"] = "\(spool.size)"
        facts["copies"] = "\(copies.reduce(plan.localCopies.count) { $0 + $1.localCopies.count })"
        facts["remote"] = "\(copies.reduce(plan.remote.count) { $0 + $1.remote.count })"
        logger.info("message accepted", metadata: facts)
        await responder?.answer(message, bytes, plan.summary, except: handled?.declined ?? [])
        if let handled { await scripts?.finish(handled, of: message) }
    }

    /// The plans with what scripts make of their copies; nil where no copy goes through one.
    private func scripted(
        _ message: IncomingMessage,
        _ plan: DeliveryPlan,
        _ bytes: [UInt8],
        _ lists: [DeliveryPlan],
        _ reached: Reached
    ) async throws(DeliveryRefusal) -> ScriptedCopies? {
        guard let scripts, !reached.scripted.isEmpty else { return nil }
        var copies = ScriptedCopies(
            plans: [plan] + lists,
            bytes: [bytes] + lists.map { $0.bytes.load() ?? [] },
            reached: reached
        )
        copies.waiting = reached.scripted
        try await scripts.handle(&copies, of: message)
        return copies
    }

    /// Asks the policies of the recipients' domains here, which all rule the same (RCPT saw to that).
    private func requireTaken(_ message: IncomingMessage, _ bytes: [UInt8]) async throws(DeliveryRefusal) {
        guard let judge else { return }
        let domains = Set(
            message.recipients.filter { !$0.expansion.local.isEmpty || !$0.expansion.lists.isEmpty }.map(
                \.address.domain
            )
        )
        guard !domains.isEmpty else { return }
        let refusal: PolicyRefusal?
        do throws(StoreError) {
            refusal = try await judge.refusal(ofIncoming: Array(bytes[message.traceSize...]), to: domains)
        } catch {
            throw DeliveryRefusal(error)
        }
        if let refusal { throw .policy(refusal) }
    }

    /// Whether what MAIL announced is so: servers without SMTPUTF8 take the rest (RFC 6531 §3.2).
    private static func isInternational(_ message: IncomingMessage, _ bytes: [UInt8]) -> Bool {
        if case .address(let sender) = message.sender, sender.needsUTF8 { return true }
        return bytes[..<HeaderBlock(bytes).bodyStart].contains { $0 >= 128 }
    }

    // MARK: - The plan

    private func plan(
        _ message: IncomingMessage,
        _ spool: SpooledBytes,
        _ summary: MessageSummary,
        needsSMTPUTF8: Bool,
        is8Bit: Bool,
        _ reached: inout Reached
    ) -> DeliveryPlan {
        var copies: [LocalCopy] = []
        var remote: [RemoteRecipient] = []
        let detail = "\(spool.size) octets" + (message.submitter == nil ? "" : TraceEvent.submittedMark)
        var trace = [event(.accepted, message, summary, recipient: nil, detail: detail)]
        for recipient in message.recipients {
            for target in recipient.expansion.local where reached.accounts.insert(target.account).inserted {
                if isScripted(target, 0, recipient.address, via(recipient, target.address), &reached) { continue }
                copies.append(Self.copy(for: target, sender: message.sender))
                trace.append(
                    event(
                        .delivered,
                        message,
                        summary,
                        recipient: recipient.address,
                        detail: via(recipient, target.address)
                    )
                )
            }
            for target in recipient.expansion.remote where reached.addresses.insert(target).inserted {
                remote.append(RemoteRecipient(address: target, originalRecipient: recipient.originalRecipient))
                trace.append(event(.queued, message, summary, recipient: target, detail: via(recipient, target)))
            }
        }
        return DeliveryPlan(
            queueID: message.queueID,
            receivedAt: message.receivedAt,
            submitter: message.submitter?.account.id ?? .system,
            sender: message.sender,
            bytes: spool,
            summary: summary,
            localCopies: copies,
            remote: remote,
            expiresAt: message.receivedAt.adding(seconds: limits.expirySeconds),
            needsSMTPUTF8: needsSMTPUTF8,
            is8Bit: is8Bit,
            trace: trace
        )
    }

    /// Who has a copy already, by whatever way.
    struct Reached {
        var accounts: Set<AccountID> = []
        var addresses: Set<EmailAddress> = []
        /// Copies that go through a script first.
        var scripted: [ScriptedCopies.Copy] = []
    }

    /// Whether the copy waits for a script.
    ///
    /// - Parameter plan: of the message's own and those of lists.
    func isScripted(
        _ target: RecipientExpansion.Local,
        _ plan: Int,
        _ recipient: EmailAddress,
        _ way: String,
        _ reached: inout Reached
    ) -> Bool {
        guard scripts != nil, target.script != nil else { return false }
        reached.scripted.append(ScriptedCopies.Copy(plan: plan, target: target, recipient: recipient, way: way))
        return true
    }

    static func copy(for target: RecipientExpansion.Local, sender: ReversePath) -> LocalCopy {
        var copy = LocalCopy(
            account: target.account,
            recipient: target.address,
            prefix: TraceFields.copyPrefix(sender: sender, recipient: target.address)
        )
        copy.isMasked = target.isMasked
        return copy
    }

    private func via(_ recipient: IncomingMessage.Recipient, _ target: EmailAddress) -> String {
        recipient.address == target ? "" : "by way of \(recipient.address) to \(target)"
    }

    private func event(
        _ kind: TraceEvent.Kind,
        _ message: IncomingMessage,
        _ summary: MessageSummary,
        recipient: EmailAddress?,
        detail: String
    ) -> TraceEvent {
        TraceEvent(
            at: message.receivedAt,
            kind: kind,
            queueID: message.queueID,
            messageID: summary.messageID,
            sender: message.sender.description,
            recipient: recipient?.description,
            remote: message.facts.remote,
            detail: detail
        )
    }

    func metadata(_ message: IncomingMessage) -> Logger.Metadata {
        [
            "session": "\(message.facts.session)", "queue_id": "\(message.queueID)", "sender": "<\(message.sender)>",
            "recipients": "\(message.recipients.count)",
        ]
    }
}
