package import Accounts
package import ClientConduct
package import HTTPKit
package import MailModel
import MailPorts
import NetKit
package import PlatformConfig

extension BanPolicy {
    /// The settings' own exemptions, and what speaks for others: trusted networks and load balancers.
    package init(_ settings: PlatformSettings) {
        self.init()
        isOn = settings.bans
        threshold = settings.banThreshold
        windowSeconds = Int(settings.banWindow.components.seconds)
        growth.firstSeconds = settings.banFirst.components.seconds
        growth.factor = Int64(settings.banGrowth)
        growth.longestSeconds = settings.banLongest.components.seconds
        growth.memorySeconds = settings.banMemory.components.seconds
        limit = settings.banLimit
        manualLimit = settings.banManualLimit
        ipv4Prefix = settings.banIPv4Prefix
        ipv6Prefix = settings.banIPv6Prefix
        sitePrefix = settings.banSitePrefix
        siteFactor = settings.banSiteFactor
        exempt = settings.banExempt + settings.trustedNetworks + settings.proxyNetworks
    }
}

/// Mail ports refuse banned clients before anything else.
extension BanTable: ClientBarrier {
    package func refuses(_ remote: IPAddress, over service: String) -> Bool {
        refusal(of: remote, over: EmailAddress.lowercased(service)) != nil
    }

    package func bars(_ remote: IPAddress) -> Bool { ban(of: remote) != nil }
}

extension RequestGate {
    /// Renews a session that is there; its secret cannot be guessed.
    private static let renewal = "/api/auth/refresh"

    /// HTTP refuses requests of banned clients, but for those of somebody who is signed in.
    package mutating func bar(_ bans: BanTable, _ tokens: TokenService, _ clock: any WallClock) {
        barrier = { remote, request in
            guard bans.ban(of: remote) != nil, request.path != Self.renewal else { return nil }
            if let token = request.token, tokens.verify(token, now: clock.now()) != nil { return nil }
            return bans.refusal(of: remote, over: "http")?.retryAfterSeconds
        }
    }
}
