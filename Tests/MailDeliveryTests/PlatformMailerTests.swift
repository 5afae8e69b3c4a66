import MailCrypto
import MailDelivery
import MailModel
import MailPorts
import MailTesting
import SenderAuth
import Telemetry
import Testing

@Suite struct PlatformMailerTests {
    private let directory = FakeDirectory()
    private let deliveries = RecordingDeliveries()
    private let now = Timestamp(seconds: 1_769_817_600)

    private func mailer() throws -> PlatformMailer {
        PlatformMailer(
            directory: directory,
            deliveries: deliveries,
            signer: DKIMMessageSigner(
                directory: directory,
                master: try #require(MasterKey(MasterKey.random())),
                clock: ManualClock()
            ),
            hostname: "mail.host.test"
        )
    }

    /// One in a domain that is hosted here, and one whose address is elsewhere.
    private func readers() async throws -> [Account] {
        let organisation = try await directory.addOrganisation(name: "Shop")
        _ = try await directory.addDomain("shop.test", organisation: organisation.id, keys: [])
        var made: [Account] = []
        for text in ["ann@shop.test", "founder@elsewhere.test"] {
            made.append(
                try await directory.addAccount(
                    NewAccount(organisation: organisation.id, address: address(text), role: .owner, passwordHash: "")
                )
            )
        }
        return made
    }

    @Test func `an account here gets it in its mailbox, one whose address is elsewhere by the queue`() async throws {
        let readers = try await readers()
        try await mailer().send(to: readers, subject: "A quota fills", text: "It does.", now: now)
        let plan = try #require(deliveries.plans.first)
        #expect(deliveries.plans.count == 1 && plan.sender == .null && plan.submitter == .system)
        #expect(plan.localCopies.map(\.account) == [readers[0].id])
        #expect(
            plan.localCopies.map { String(decoding: $0.prefix, as: UTF8.self) } == [
                "Return-Path: <>\r\nDelivered-To: ann@shop.test\r\n"
            ]
        )
        #expect(plan.remote.map(\.address.description) == ["founder@elsewhere.test"])
        #expect(plan.trace.map(\.kind) == [.delivered, .queued])
        #expect(plan.summary.subject == "A quota fills")
    }

    @Test func `a store that refuses is not silent`() async throws {
        let readers = try await readers()
        let refusing = PlatformMailer(
            directory: directory,
            deliveries: RecordingDeliveries(failure: .overQuota),
            signer: DKIMMessageSigner(
                directory: directory,
                master: try #require(MasterKey(MasterKey.random())),
                clock: ManualClock()
            ),
            hostname: "mail.host.test"
        )
        await #expect(throws: StoreError.overQuota) {
            try await refusing.send(to: readers, subject: "A quota fills", text: "It does.", now: now)
        }
    }
}
