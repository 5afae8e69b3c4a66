import DNSUpdates
import MailCrypto
import MailPorts
import NIOCore
import PlatformConfig
import ProviderHTTP

/// The platform's master key behind the port.
struct MasterSealing: SecretSealing {
    let key: MasterKey

    func seal(_ plain: [UInt8]) -> [UInt8] { SecretBox.seal(plain, with: key) }
    func open(_ sealed: [UInt8]) -> [UInt8]? { try? SecretBox.open(sealed, with: key) }
}

extension PlatformSettings {
    var providerClient: ProviderClientOptions {
        var options = ProviderClientOptions()
        options.timeout = TimeAmount(self.providerTimeout)
        options.networks = self.providerNetworks
        options.takesLoopbackHTTP = self.providerLoopback
        return options
    }

    var webhookClient: ProviderClientOptions {
        var options = ProviderClientOptions()
        options.timeout = TimeAmount(self.webhookTimeout)
        options.networks = self.webhookNetworks
        options.takesLoopbackHTTP = self.webhookLoopback
        return options
    }

    var zoneClient: ZoneUpdateOptions {
        var options = ZoneUpdateOptions()
        options.timeout = TimeAmount(self.zoneTimeout)
        options.networks = self.zoneNetworks
        return options
    }
}
