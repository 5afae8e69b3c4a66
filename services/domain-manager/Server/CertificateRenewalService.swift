import Domains
import MailModel
import ServiceLifecycle

/// Orders the platform's certificate when its time comes; a stop ends the wait at once.
struct CertificateRenewalService: Service {
    let renewal: CertificateRenewal
    let clock: any WallClock

    func run() async throws {
        await cancelWhenGracefulShutdown {
            // The authority comes by HTTP: the listener is there a moment after the start.
            var wait: Int64 = 1
            while (try? await Task.sleep(for: .seconds(wait))) != nil {
                wait = max(1, await renewal.pass(now: clock.now()))
            }
        }
    }
}
