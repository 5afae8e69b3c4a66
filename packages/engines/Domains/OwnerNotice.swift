import MailModel
import MailPorts
import MessageFormat
import NIOCore

/// The platform's own mail to those who own a domain.
struct OwnerNotice: Sendable {
    /// Domains of an organisation and accounts of each that are looked at for its owners.
    private static let maximumDomains = 100
    private static let maximumAccounts = 500
    /// Owners that one notice goes to.
    private static let maximumOwners = 10

    let directory: any DirectoryStore
    let deliveries: @Sendable () async throws -> any DeliveryStore
    let hostname: String

    /// Delivers the text to the organisation's owners, or to its administrators when it has none.
    ///
    /// - Returns: whether anybody was told.
    func send(
        to organisation: OrganisationID,
        subject: String,
        text: String,
        now: Timestamp
    ) async throws(StoreError) -> Bool {
        guard let plan = try await plan(to: organisation, subject: subject, text: text, now: now) else { return false }
        guard let deliveries = try? await deliveries() else { return false }
        _ = try await deliveries.deliver(plan)
        return true
    }

    /// The same, to be delivered with what it tells of; nil when there is nobody to tell.
    func plan(
        to organisation: OrganisationID,
        subject: String,
        text: String,
        now: Timestamp
    ) async throws(StoreError) -> DeliveryPlan? {
        let readers = try await readers(of: organisation)
        return readers.isEmpty ? nil : plan(to: readers, subject: subject, text: text, now: now)
    }

    func plan(to readers: [Account], subject: String, text: String, now: Timestamp) -> DeliveryPlan {
        let id = QueueID(time: now, random: .random(in: .min ... .max))
        let bytes = PlatformMessage(
            id: id,
            hostname: hostname,
            domain: hostname,
            recipients: readers.map(\.primaryAddress),
            subject: subject,
            text: text
        ).bytes(at: now)
        let summary = MessageSummary(parsing: bytes)
        return DeliveryPlan(
            queueID: id,
            receivedAt: now,
            submitter: .system,
            sender: .null,
            bytes: .memory(ByteBuffer(bytes: bytes)),
            summary: summary,
            localCopies: readers.map { reader in
                LocalCopy(
                    account: reader.id,
                    recipient: reader.primaryAddress,
                    prefix: Array("Return-Path: <>\r\nDelivered-To: \(reader.primaryAddress)\r\n".utf8)
                )
            },
            expiresAt: now.adding(seconds: 86_400),
            needsSMTPUTF8: false,
            is8Bit: bytes.contains { $0 >= 128 },
            trace: readers.map { reader in
                TraceEvent(
                    at: now,
                    kind: .delivered,
                    queueID: id,
                    messageID: summary.messageID,
                    sender: "",
                    recipient: reader.primaryAddress.description,
                    detail: "notice of the platform"
                )
            }
        )
    }

    /// Active owners, by address; administrators where there are none.
    private func readers(of organisation: OrganisationID) async throws(StoreError) -> [Account] {
        var owners: [Account] = []
        var administrators: [Account] = []
        for domain in try await directory.domains(of: organisation, after: nil, limit: Self.maximumDomains) {
            for account in try await directory.accounts(ofDomain: domain.name, after: nil, limit: Self.maximumAccounts)
            where account.status == .active && account.organisation == organisation {
                switch account.role {
                case .owner: owners.append(account)
                case .admin, .platformAdmin: administrators.append(account)
                case .member: break
                }
            }
        }
        return Array((owners.isEmpty ? administrators : owners).prefix(Self.maximumOwners))
    }
}
