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
        "Origins of the pages that ask for passkeys; none for https:// and OONRUMAIL_PASSKEY_RP_ID"
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

    package var passkeyPages: Set<String> {
        self.passkeyOrigins.isEmpty ? ["https://\(passkeyHost)"] : Set(self.passkeyOrigins)
    }
}
