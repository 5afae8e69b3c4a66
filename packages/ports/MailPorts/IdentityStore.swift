package import MailModel

/// What stands below the messages that somebody writes, as it was given; what is nil is made of the other.
package struct MailSignature: Hashable, Sendable {
    /// Lines parted by LF.
    package var text: String?
    /// Reduced to what shows text.
    package var html: String?
    package init(text: String? = nil, html: String? = nil) { (self.text, self.html) = (text, html) }
}

/// An address that an account may send with.
package struct SendingAddress: Hashable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case own, alias, masked
        /// An address of it at a domain that means another.
        case domainAlias = "domain_alias"
        /// Another's, by a grant.
        case granted
        /// Every address of a domain; the local part is `*` (RFC 8621 §6).
        case domain
    }

    /// Who has lent it.
    package struct Owner: Hashable, Sendable {
        /// The primary one.
        package var address: EmailAddress
        package var displayName: String
        package init(address: EmailAddress, displayName: String) {
            (self.address, self.displayName) = (address, displayName)
        }
    }

    package var address: EmailAddress
    package var kind: Kind
    /// It may stand as author only, while the account is the sender (RFC 5322 §3.6.2).
    package var isOnBehalf: Bool
    /// Of what is granted.
    package var owner: Owner?
    package init(_ address: EmailAddress, _ kind: Kind, isOnBehalf: Bool = false, owner: Owner? = nil) {
        (self.address, self.kind, self.isOnBehalf, self.owner) = (address, kind, isOnBehalf, owner)
    }
}

/// What an account has said of one address that it sends with.
package struct IdentitySettings: Hashable, Sendable {
    /// nil: what stands to reason.
    package var name: String?
    package var replyTo: [EmailAddress]
    package var bcc: [EmailAddress]
    /// nil: that of the domain, or the person; one without text is none on purpose.
    package var signature: MailSignature?
    package init(
        name: String? = nil,
        replyTo: [EmailAddress] = [],
        bcc: [EmailAddress] = [],
        signature: MailSignature? = nil
    ) {
        (self.name, self.replyTo, self.bcc, self.signature) = (name, replyTo, bcc, signature)
    }
}

/// What an account has said of all its mail.
package struct ComposingSettings: Hashable, Sendable {
    /// nil: the primary address.
    package var defaultAddress: EmailAddress?
    package var signature: MailSignature?
    package init(defaultAddress: EmailAddress? = nil, signature: MailSignature? = nil) {
        (self.defaultAddress, self.signature) = (defaultAddress, signature)
    }
}

/// All that identities are made of, as of one moment.
package struct IdentityRecord: Sendable {
    /// What the account may send with now.
    package var addresses: [SendingAddress]
    /// Also of addresses that it may not send with any more.
    package var settings: [EmailAddress: IdentitySettings]
    /// What owners have said of the addresses that they lend.
    package var lent: [EmailAddress: IdentitySettings]
    package var composing: ComposingSettings
    /// Of domains that the addresses are in; a domain that means another has the other's, where it has none.
    package var domains: [String: MailSignature]
    /// What divides details, by domain; `+` where it is not said.
    package var separators: [String: SubaddressSeparator]
    package init(
        addresses: [SendingAddress] = [],
        settings: [EmailAddress: IdentitySettings] = [:],
        lent: [EmailAddress: IdentitySettings] = [:],
        composing: ComposingSettings = ComposingSettings(),
        domains: [String: MailSignature] = [:],
        separators: [String: SubaddressSeparator] = [:]
    ) {
        self.addresses = addresses
        self.settings = settings
        self.lent = lent
        self.composing = composing
        self.domains = domains
        self.separators = separators
    }
}

/// With what addresses, names and signatures people write (RFC 8621 §6).
package protocol IdentityStore: Sendable {
    func identities(of account: AccountID) async throws(StoreError) -> IdentityRecord
    /// Sets what is said of an address, or takes it away with nil.
    ///
    /// - Parameters:
    ///   - stale: addresses that the account does not send with any more: what is said of them is forgotten when room is needed.
    ///   - limit: addresses of one account of which something is said.
    /// - Throws: `.notFound` when there is no such account, or nothing to take away; `.refused` beyond `limit`.
    func setIdentity(
        _ settings: IdentitySettings?,
        of address: EmailAddress,
        for account: AccountID,
        forgetting stale: [EmailAddress],
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError)
    /// `.notFound` when there is no such account.
    func setComposing(
        _ settings: ComposingSettings,
        for account: AccountID,
        audit: AuditEvent
    ) async throws(StoreError)
    /// nil where the domain has none, or is not hosted.
    func signature(ofDomain name: String) async throws(StoreError) -> MailSignature?
    /// nil takes it away. `.notFound` when the domain is not hosted, or has none to take away.
    func setSignature(
        _ signature: MailSignature?,
        ofDomain name: String,
        audit: AuditEvent
    ) async throws(StoreError)
}
