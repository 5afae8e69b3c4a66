package import MailPorts
package import PlatformConfig
package import SingleSignOn

extension ServiceContext {
    package func providerSignIn() async throws -> ProviderSignIn {
        let fetcher = try await ports.identityProviders()
        var limits = SingleSignOnLimits()
        limits.confirmationSeconds = settings.providerConfirmation.components.seconds
        return ProviderSignIn(
            store: try await ports.singleSignOn(),
            directory: try await ports.directory(),
            providers: ProviderDirectory(fetcher: fetcher, limiter: try await ports.limits(), limits: limits),
            fetcher: fetcher,
            secrets: try await ports.secrets(),
            places: ProviderSignIn.Places(
                callback: settings.singleSignOnCallback,
                pages: settings.singleSignOnPages,
                ownPage: settings.signInReturnPage
            ),
            limits: limits,
            defaultQuota: settings.quotaDefault > 0 ? Int64(settings.quotaDefault) : nil
        )
    }

    package func providerConnections() async throws -> ProviderConnections {
        try await ProviderConnections(ports, settings)
    }
}

extension ProviderConnections {
    package init(_ ports: any PortProvider, _ settings: PlatformSettings) async throws {
        let fetcher = try await ports.identityProviders()
        let limits = SingleSignOnLimits()
        self.init(
            store: try await ports.singleSignOn(),
            providers: ProviderDirectory(fetcher: fetcher, limiter: try await ports.limits(), limits: limits),
            fetcher: fetcher,
            secrets: try await ports.secrets(),
            limiter: try await ports.limits(),
            callback: settings.singleSignOnCallback,
            limits: limits
        )
    }
}
