import MailModel

/// Passkeys, and which features are on.
///
/// In the order that `config list` shows.
package struct PasskeySettings: Sendable {
    package let passkeyRelyingParty = Setting.optionalDomain(
        "OONRUMAIL_PASSKEY_RP_ID",
        .http,
        "Host name that passkeys are bound to: that of the web pages, or one that it ends in; by default OONRUMAIL_HOSTNAME. "
            + "Changing it makes every passkey useless"
    )
    package let passkeyName = Setting.text(
        "OONRUMAIL_PASSKEY_RP_NAME",
        .http,
        "OONRUMAIL",
        "What people read where they are asked for a passkey"
    )
    package let passkeyOrigins = Setting.origins(
        "OONRUMAIL_PASSKEY_ORIGINS",
        .http,
        "Origins of the pages that ask for passkeys; none for https:// and OONRUMAIL_PASSKEY_RP_ID. The pages of "
            + "OONRUMAIL_OIDC_ISSUER ask too, where their host is that one or ends in it"
    )
    package let passkeysPerAccount = Setting.integer(
        "OONRUMAIL_PASSKEYS_PER_ACCOUNT",
        .http,
        20,
        1...1_000,
        "Passkeys that an account may have"
    )
    package let passkeyUncheckedAttestation = Setting.boolean(
        "OONRUMAIL_PASSKEY_UNCHECKED_ATTESTATION",
        .http,
        false,
        "Take passkeys whose makers vouch for them in ways that are not checked, as if nobody vouched"
    )
    package let flagInterval = Setting.duration(
        "OONRUMAIL_FLAG_INTERVAL",
        .http,
        .seconds(2),
        .milliseconds(100) ... .seconds(3_600),
        "How long a process takes the rules of feature flags that it has read for those in force"
    )
}

extension PlatformSettings {
    /// The host name that passkeys are bound to.
    package var passkeyHost: String { self.passkeyRelyingParty ?? hostname }

    /// With the OpenID provider's own pages, where browsers let those ask.
    package var passkeyPages: Set<String> {
        let pages = self.passkeyOrigins.isEmpty ? ["https://\(passkeyHost)"] : Set(self.passkeyOrigins)
        return pages.union(passkeyIssuer.map { [$0] } ?? [])
    }

    var passkeyWarnings: [String] {
        guard let issuer = self.providerIssuer, passkeyIssuer == nil else { return [] }
        return [
            "the pages of OONRUMAIL_OIDC_ISSUER (\(issuer)) do not ask for passkeys: its host neither is OONRUMAIL_PASSKEY_RP_ID "
                + "(\(passkeyHost)) nor ends in it"
        ]
    }

    /// The origin of the OpenID provider's pages when passkeys can be asked for there: at the host that they are bound to, or one that
    /// ends in it (WebAuthn Level 3 §5.1.3).
    package var passkeyIssuer: String? {
        guard let issuer = self.providerIssuer.flatMap({ WebAddress($0) }) else { return nil }
        let (host, party) = (Array(issuer.host.utf8), Array(passkeyHost.utf8))
        let isBelow = host.count > party.count && host.suffix(party.count + 1).elementsEqual([46] + party)
        return issuer.literal == nil && (host == party || isBelow) ? issuer.origin : nil
    }
}
