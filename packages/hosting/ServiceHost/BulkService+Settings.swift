import Accounts
package import Addresses
package import MailCrypto
package import MailDelivery
package import MailPorts
package import PlatformConfig
import SenderAuth

extension PlatformMailer {
    package init(_ ports: any PortProvider, _ settings: PlatformSettings, _ master: MasterKey) async throws {
        let directory = try await ports.directory()
        self.init(
            directory: directory,
            deliveries: try await ports.deliveries(),
            signer: DKIMMessageSigner(directory: directory, master: master, clock: ports.clock()),
            hostname: settings.hostname
        )
    }
}

extension BulkService {
    package init(
        _ ports: any PortProvider,
        _ settings: PlatformSettings,
        mailer: any NoticeSending
    ) async throws {
        var limits = BulkLimits()
        limits.rows = settings.importMaxRows
        limits.octets = settings.importMaxOctets
        limits.invitationSeconds = settings.invitationLifetime.components.seconds
        limits.openInvitations = settings.invitationsOpen
        limits.defaultQuota = settings.quotaDefault > 0 ? Int64(settings.quotaDefault) : nil
        limits.isTimeZone = { TimeZoneNames.system.contains($0) }
        self.init(
            store: try await ports.bulk(),
            book: try await ports.addresses(),
            people: try await ports.people(),
            limits: limits,
            addressLimits: AddressLimits(settings),
            invitations: Invitations(
                token: {
                    let token = MailToken.random()
                    return (token.text, token.hash(for: .invitation))
                },
                notices: mailer
            ),
            limiter: try await ports.limits(),
            clock: ports.clock()
        )
    }
}

extension ServiceContext {
    package func mailer() async throws -> PlatformMailer { try await PlatformMailer(ports, settings, masterKey) }

    package func bulk() async throws -> BulkService {
        try await BulkService(ports, settings, mailer: try await mailer())
    }
}
