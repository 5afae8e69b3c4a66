import Accounts
import Logging
import MailPorts
import ServiceLifecycle

/// Ends the mail sessions of this process whose credential is revoked anywhere, until the process is told to stop.
struct RevocationWatch: Service {
    let signIns: SignInRegistry
    let credentials: any CredentialStore
    let interval: Duration

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await signIns.watch(credentials, every: interval, logger: Logger(label: "auth"))
        }
    }
}
