import ByteParsing
import MailModel
import MailPorts
import MessageFormat
import NIOCore
import SieveScript

/// The copies of one message that go through scripts, and what comes of them.
struct ScriptedCopies: Sendable {
    struct Copy: Sendable {
        /// Of `plans`.
        var plan: Int
        var target: RecipientExpansion.Local
        /// The recipient that led here, and how; for the trace.
        var recipient: EmailAddress
        var way: String
        /// Accounts whose scripts sent it on to here.
        var chain: [AccountID] = []
    }

    /// What is done when the message is on stable storage.
    struct Afterwards: Sendable {
        var copy: Copy
        var script: String
        var own: [EmailAddress] = []
        var vacations: [SieveVacation] = []
        var duplicates: [SieveDuplicate] = []
        var failure: ScriptFailure?
    }

    /// The message's own, those of lists, and those that scripts add.
    var plans: [DeliveryPlan]
    /// The octets of each plan.
    var bytes: [[UInt8]]
    var waiting: [Copy] = []
    var afterwards: [Afterwards] = []
    /// Accounts whose scripts discarded or refused it: nothing is answered for them.
    var declined: Set<AccountID> = []
    var reached: MessageIntake.Reached

    /// Another message of the same arrival, with octets of its own.
    @discardableResult
    mutating func add(_ octets: [UInt8], like index: Int, from sender: ReversePath) -> Int {
        let base = plans[index]
        let header = octets[..<HeaderBlock(octets).bodyStart]
        plans.append(
            DeliveryPlan(
                queueID: QueueID(time: base.receivedAt, random: .random(in: 0 ... .max)),
                receivedAt: base.receivedAt,
                sender: sender,
                bytes: .memory(ByteBuffer(bytes: octets)),
                summary: MessageSummary(parsing: octets),
                expiresAt: base.expiresAt,
                needsSMTPUTF8: header.contains { $0 >= 128 },
                is8Bit: octets.contains { $0 >= 128 }
            )
        )
        bytes.append(octets)
        return plans.count - 1
    }

    /// A line in the trace of the message that the copy is of.
    mutating func note(
        _ kind: TraceEvent.Kind,
        _ copy: Copy,
        _ detail: String,
        recipient: EmailAddress? = nil,
        in plan: Int? = nil,
        _ remote: IPAddress
    ) {
        let index = plan ?? copy.plan
        let own = plans[index]
        plans[index].trace.append(
            TraceEvent(
                at: own.receivedAt,
                kind: kind,
                queueID: own.queueID,
                messageID: own.summary.messageID,
                sender: own.sender.description,
                recipient: (recipient ?? copy.recipient).description,
                remote: remote,
                detail: detail
            )
        )
    }

    /// Plans that write something; the message's own stays, for its trace.
    var written: [DeliveryPlan] {
        [plans[0]] + plans.dropFirst().filter { !$0.localCopies.isEmpty || !$0.remote.isEmpty || !$0.trace.isEmpty }
    }
}
