import Logging
import MailDelivery
import MailModel
import MailPorts
import MailTesting
import MessageFormat
import NIOCore
import Testing

struct MarkingSigner: MessageSigning {
    func sign(_ message: [UInt8], domain: String) async throws(StoreError) -> [UInt8] {
        Array("DKIM-Signature: d=\(domain); l=\(message.count)\r\n".utf8)
    }
}

struct MessageRow: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    let refusal: DeliveryRefusal?
    init(_ name: String, _ text: String, _ refusal: DeliveryRefusal?) {
        (self.name, self.text, self.refusal) = (name, text, refusal)
    }
    var testDescription: String { name }
}

@Suite struct MessageIntakeTests {
    static let ann = Account(
        id: AccountID(7),
        organisation: OrganisationID(1),
        primaryAddress: address("ann@shop.test"),
        displayName: "",
        role: .member,
        status: .active,
        quotaBytes: nil,
        usedBytes: 0,
        usedMessages: 0,
        createdAt: Timestamp(seconds: 0)
    )
    static let submitter = Submitter(account: ann, addresses: [address("ann@shop.test"), address("sales@shop.test")])

    func message(
        _ text: String,
        submitter: Submitter? = nil,
        local: [AccountID] = [AccountID(7)],
        remote: [String] = []
    ) throws -> IncomingMessage {
        let facts = SessionFacts(
            session: "s",
            remote: try #require(IPAddress("192.0.2.1")),
            hello: "client.test",
            isExtended: true,
            isEncrypted: true,
            isAuthenticated: submitter != nil
        )
        let now = Timestamp(seconds: 1_795_430_400)
        let id = QueueID(time: now, random: 1)
        let trace = TraceFields.received(
            by: "mail.shop.test",
            facts,
            queueID: id,
            recipients: [address("ann@shop.test")],
            isUTF8: false,
            at: now
        )
        let expansion = RecipientExpansion(
            local: local.map { .init(account: $0, address: address("ann@shop.test")) },
            remote: remote.map { address($0) }
        )
        return IncomingMessage(
            queueID: id,
            receivedAt: now,
            facts: facts,
            submitter: submitter,
            sender: .address(address("ann@shop.test")),
            recipients: [.init(address: address("ann@shop.test"), originalRecipient: nil, expansion: expansion)],
            isUTF8: false,
            is8Bit: false,
            spool: .memory(ByteBuffer(bytes: trace + Array(text.utf8))),
            traceSize: trace.count
        )
    }

    func accept(_ message: IncomingMessage, into store: RecordingDeliveries) async throws(DeliveryRefusal) {
        try await MessageIntake(
            deliveries: store,
            signer: MarkingSigner(),
            hostname: "mail.shop.test",
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ).accept(message)
    }

    func stored(_ plan: DeliveryPlan) -> String {
        guard case .memory(let buffer) = plan.bytes else { return "" }
        return String(buffer: buffer)
    }

    @Test func mailFromOutsideIsStoredAsItCame() async throws {
        let store = RecordingDeliveries()
        let text = "From: x@elsewhere.test\r\nMessage-ID: <1@elsewhere.test>\r\nBcc: y@elsewhere.test\r\n\r\nbody\r\n"
        try await accept(try message(text, local: [AccountID(7), AccountID(8), AccountID(7)]), into: store)
        let plan = try #require(store.plans.first)
        #expect(
            stored(plan).hasSuffix(";\r\n\tMon, 23 Nov 2026 08:00:00 +0000\r\n" + text) || stored(plan).hasSuffix(text)
        )
        #expect(
            stored(plan).hasPrefix("Received: from client.test ([192.0.2.1])\r\n\tby mail.shop.test with ESMTPS id ")
        )
        #expect(plan.localCopies.map(\.account) == [AccountID(7), AccountID(8)])
        #expect(
            plan.localCopies.first?.prefix
                == Array("Return-Path: <ann@shop.test>\r\nDelivered-To: ann@shop.test\r\n".utf8)
        )
        #expect(plan.submitter == .system && plan.summary.messageID == "1@elsewhere.test")
        #expect(plan.trace.map(\.kind) == [.accepted, .delivered, .delivered])
    }

    static let submissions = [
        MessageRow("own address", "From: Ann <ann@shop.test>\r\n\r\nx\r\n", nil),
        MessageRow("own alias", "From: sales@shop.test\r\n\r\nx\r\n", nil),
        MessageRow("own address with a detail", "From: ann+news@SHOP.test\r\n\r\nx\r\n", nil),
        MessageRow("another's", "From: bob@shop.test\r\n\r\nx\r\n", .senderNotOwned),
        MessageRow("own and another's", "From: ann@shop.test, bob@shop.test\r\n\r\nx\r\n", .senderNotOwned),
        MessageRow("another's Sender", "From: ann@shop.test\r\nSender: bob@shop.test\r\n\r\nx\r\n", .senderNotOwned),
        MessageRow("folded", "From: \"ann@shop.test\"\r\n <bob@shop.test>\r\n\r\nx\r\n", .senderNotOwned),
        MessageRow(
            "two From fields",
            "From: ann@shop.test\r\nFrom: bob@shop.test\r\n\r\nx\r\n",
            .malformed("The message has several From fields")
        ),
        MessageRow("no From", "Subject: x\r\n\r\nx\r\n", .malformed("The message has no From field")),
        MessageRow(
            "From without address",
            "From: nobody in particular\r\n\r\nx\r\n",
            .malformed("The From field has no address")
        ),
    ]

    @Test(arguments: submissions) func sendersAreChecked(_ row: MessageRow) async throws {
        let store = RecordingDeliveries()
        let message = try message(row.text, submitter: Self.submitter, remote: ["x@elsewhere.test"])
        if let refusal = row.refusal {
            await #expect(throws: refusal) { try await accept(message, into: store) }
            #expect(store.plans.isEmpty)
        } else {
            try await accept(message, into: store)
            #expect(store.plans.count == 1)
        }
    }

    @Test func submittedMailIsCompletedAndSigned() async throws {
        let store = RecordingDeliveries()
        let text =
            "From: ann@shop.test\r\nBcc: secret@elsewhere.test,\r\n more@elsewhere.test\r\nSubject: hi\r\n\r\nbody with Bcc: in it\r\n"
        try await accept(try message(text, submitter: Self.submitter, remote: ["x@elsewhere.test"]), into: store)
        let plan = try #require(store.plans.first)
        let lines = stored(plan).split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
        let header = HeaderBlock(Array(stored(plan).utf8))
        #expect(header.count("bcc") == 0 && header.count("date") == 1 && header.count("message-id") == 1)
        #expect(lines.contains("body with Bcc: in it"))
        #expect(lines[0].hasPrefix("Received: ") && lines[4].hasPrefix("DKIM-Signature: d=shop.test"))
        #expect(plan.submitter == AccountID(7) && plan.remote.map(\.address) == [address("x@elsewhere.test")])
        #expect(plan.trace.map(\.kind) == [.accepted, .delivered, .queued])
        #expect(plan.summary.messageID?.hasSuffix("@mail.shop.test") == true)
    }

    @Test func whatIsThereIsNotAddedAgain() async throws {
        let store = RecordingDeliveries()
        let text =
            "From: ann@shop.test\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-Id: <own@shop.test>\r\n\r\nx\r\n"
        try await accept(try message(text, submitter: Self.submitter), into: store)
        let plan = try #require(store.plans.first)
        #expect(stored(plan).hasSuffix("\r\n" + text))
        #expect(plan.summary.messageID == "own@shop.test")
    }

    @Test func circlesEnd() async throws {
        let hop = "Received: from a by b; Mon, 23 Nov 2026 10:00:00 +0000\r\n"
        let store = RecordingDeliveries()
        try await accept(try message(String(repeating: hop, count: 50) + "\r\nx\r\n"), into: store)
        await #expect(throws: DeliveryRefusal.loop) {
            try await accept(try message(String(repeating: hop, count: 51) + "\r\nx\r\n"), into: store)
        }
    }

    @Test func onlyWhatIsInTheMessageIsAskedOfOthers() async throws {
        let store = RecordingDeliveries()
        for text in ["From: x@y.test\r\n\r\nx\r\n", "From: x@y.test\r\n\r\né\r\n", "Subject: é\r\n\r\nx\r\n"] {
            var announced = try message(text)
            announced.isUTF8 = true
            announced.is8Bit = true
            try await accept(announced, into: store)
        }
        #expect(store.plans.map(\.needsSMTPUTF8) == [false, false, true])
        #expect(store.plans.map(\.is8Bit) == [false, true, true])
    }

    @Test func resultsInOurNameAreRemoved() async throws {
        let store = RecordingDeliveries()
        let kept = "Authentication-Results: other.test; dkim=pass\r\nSubject: x\r\n"
        let forged =
            "authentication-results: (c) Mail.Shop.test 1;\r\n dkim=pass\r\nAuthentication-Results:mail.shop.test; spf=pass\r\n"
        try await accept(try message(forged + kept + "\r\nbody\r\n"), into: store)
        #expect(stored(try #require(store.plans.first)).hasSuffix("\r\n" + kept + "\r\nbody\r\n"))
        #expect(!stored(try #require(store.plans.first)).contains("spf=pass"))
    }

    @Test func whatExceedsAQuotaAltogetherIsRefusedForGood() async throws {
        var large = try message("From: x@y.test\r\n\r\nx\r\n")
        large.recipients[0].expansion.smallestQuota = 20
        await #expect(throws: DeliveryRefusal.neverFits) { try await accept(large, into: RecordingDeliveries()) }
    }

    @Test(arguments: [StoreError.overQuota, .unavailable(reportID: "r"), .damaged(reportID: "r")])
    func failuresOfTheStoreAreTransient(_ error: StoreError) async throws {
        let refusal: DeliveryRefusal = error == .overQuota ? .mailboxFull : .unavailable(reportID: "r")
        await #expect(throws: refusal) {
            try await accept(try message("From: x@y.test\r\n\r\nx\r\n"), into: RecordingDeliveries(failure: error))
        }
    }
}
