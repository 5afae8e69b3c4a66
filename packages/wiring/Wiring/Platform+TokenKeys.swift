import Accounts
import PlatformConfig

extension Platform {
    /// Makes the keys that sign tokens.
    var tokenKeys: TokenKeyMaker {
        var limits = TokenKeyLimits()
        limits.publishSeconds = settings.tokenKeyPublish.components.seconds
        let age = settings.tokenKeyRotation.components.seconds
        limits.rotationSeconds = age == 0 ? nil : age
        // The longest token, clocks that differ, and a process that reads the keys a little later.
        limits.retireSeconds =
            max(settings.accessTokenLifetime, settings.providerAccessLifetime).components.seconds + 60
            + settings.tokenKeyInterval.components.seconds
        return TokenKeyMaker(store: ports.store, masterKey: masterKey, limits: limits)
    }
}

extension PlatformSettings {
    /// nil: the platform is no OpenID provider.
    var clientSessionLimits: ClientSessionLimits? {
        guard let issuer = self.providerIssuer else { return nil }
        var limits = ClientSessionLimits(issuer: issuer)
        limits.accessSeconds = self.providerAccessLifetime.components.seconds
        limits.refreshSeconds = self.providerRefreshLifetime.components.seconds
        limits.browserSeconds = self.providerBrowserLifetime.components.seconds
        return limits
    }
}
