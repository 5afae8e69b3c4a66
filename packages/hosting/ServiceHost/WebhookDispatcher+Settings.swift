package import Domains
package import MailPorts
package import PlatformConfig

extension WebhookLimits {
    package init(_ settings: PlatformSettings) {
        self.init()
        let retry = settings.webhookRetry.components
        firstWait = retry.seconds * 1_000_000 + retry.attoseconds / 1_000_000_000_000
        // The attempt, and the names that are asked for before it.
        leaseSeconds = settings.webhookTimeout.components.seconds * 2 + 15
        giveUpSeconds = settings.webhookGiveUp.components.seconds
    }
}

extension WebhookDispatcher {
    package init(_ ports: any PortProvider, _ settings: PlatformSettings) async throws {
        self.init(
            store: try await ports.webhooks(),
            sender: try await ports.webhookSender(),
            secrets: try await ports.secrets(),
            limits: WebhookLimits(settings)
        )
    }
}

extension WebhookSettings {
    package init(_ ports: any PortProvider, _ settings: PlatformSettings) async throws {
        self.init(dispatcher: try await WebhookDispatcher(ports, settings), limiter: try await ports.limits())
    }
}
