package import MailModel

/// Signing in by identity providers of domains.
///
/// In the order that `config list` shows.
package struct SingleSignOnSettings: Sendable {
    package let providerCallback = Setting.optionalWebAddress(
        "OONRUMAIL_SSO_CALLBACK",
        .accounts,
        "Where identity providers send browsers back to; by default https://, OONRUMAIL_HOSTNAME and /api/auth/sso/callback"
    )
    package let providerPages = Setting.webAddresses(
        "OONRUMAIL_SSO_RETURN_PAGES",
        .accounts,
        "Pages that browsers may go on to after signing in by a provider, the standard one first; "
            + "by default https://, OONRUMAIL_HOSTNAME and /. That of OONRUMAIL_OIDC_ISSUER needs no mention"
    )
    package let providerTimeout = Setting.duration(
        "OONRUMAIL_SSO_TIMEOUT",
        .accounts,
        .seconds(10),
        .milliseconds(100) ... .seconds(60),
        "Time that an identity provider has for an answer"
    )
    package let providerConfirmation = Setting.duration(
        "OONRUMAIL_SSO_CONFIRMATION",
        .accounts,
        .seconds(300),
        .seconds(30) ... .seconds(3_600),
        "How long ago people may have proved to their identity provider who they are, where that stands for the password that "
            + "they would be asked for once more"
    )
    package let providerNetworks = Setting.networks(
        "OONRUMAIL_SSO_NETWORKS",
        .accounts,
        [],
        "Networks that identity providers may be in although they are not of the public Internet; "
            + "administrators of organisations choose the addresses that are asked"
    )
    package let providerLoopback = Setting.boolean(
        "OONRUMAIL_SSO_LOOPBACK_HTTP",
        .accounts,
        false,
        "Take identity providers on this machine, by plain HTTP too; for tests only"
    )
}

extension PlatformSettings {
    package var singleSignOnCallback: String {
        self.providerCallback ?? "https://\(hostname)/api/auth/sso/callback"
    }

    package var singleSignOnPages: [String] {
        self.providerPages.isEmpty ? ["https://\(hostname)/"] : self.providerPages
    }
}

extension Setting where Value == String? {
    fileprivate static func optionalWebAddress(
        _ name: String,
        _ group: SettingGroup,
        _ meaning: String
    ) -> Setting {
        Setting(
            name,
            group,
            standard: nil,
            allowed: "an http or https address",
            meaning: meaning,
            parse: { WebAddress($0).map { .some($0.text) } },
            format: { $0 ?? "" }
        )
    }
}

extension Setting where Value == [String] {
    fileprivate static func webAddresses(_ name: String, _ group: SettingGroup, _ meaning: String) -> Setting {
        Setting(
            name,
            group,
            standard: [],
            allowed: "http or https addresses between commas, or none",
            meaning: meaning,
            parse: { text in text == "none" ? [] : SettingText.each(of: text) { WebAddress($0)?.text } },
            format: { $0.isEmpty ? "none" : $0.joined(separator: ",") }
        )
    }
}
