package import Accounts
package import MailDelivery
package import MailPorts
package import PlatformConfig

extension ScriptRunner {
    package convenience init(_ store: any ScriptStore, _ settings: PlatformSettings) {
        self.init(store: store, octets: settings.sieveScriptSize, redirects: settings.sieveRedirects)
    }
}

extension ScriptLimits {
    package init(_ settings: PlatformSettings) {
        self.init()
        (scripts, octets) = (settings.sieveScripts, settings.sieveScriptSize)
    }
}
