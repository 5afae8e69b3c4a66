import MailCrypto
import MailDelivery
import MailModel
import MailPorts
import MailTesting
import SenderAuth
import Telemetry
import Testing

@testable import Domains

extension OwnerNotice {
    /// Real mail about what is in the directory.
    init(_ directory: FakeDirectory, _ letters: any DeliveryStore) throws {
        let master = try #require(MasterKey(MasterKey.random()))
        self.init(
            people: FakePeople(directory),
            mail: PlatformMailer(
                directory: directory,
                deliveries: letters,
                signer: DKIMMessageSigner(directory: directory, master: master, clock: ManualClock()),
                hostname: "mail.host.test"
            )
        )
    }
}
