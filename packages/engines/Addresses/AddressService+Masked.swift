import MailCrypto
package import MailModel
package import MailPorts

/// Masked addresses: random, so that nobody guesses whose they are or that they are related.
extension AddressService {
    /// Letters and digits that are not mistaken for each other when read out.
    private static let alphabet = Array("abcdefghjkmnpqrstuvwxyz23456789".utf8)
    /// Each gives almost 5 bits: 12 make 59.
    private static let length = 12

    /// - Parameter domain: one of the account's organisation; nil for that of its own address.
    package func addMasked(
        for account: Account,
        domain: String? = nil,
        label: String,
        site: String,
        by actor: AddressActor
    ) async throws(AddressError) -> MaskedAddress {
        try checkText("label", label)
        try checkText("site", site)
        let name = domain.map { EmailAddress.lowercased($0) } ?? account.primaryAddress.domain
        let found = try await read { () async throws(StoreError) in try await directory.domain(named: name) }
        guard let found, found.organisation == account.organisation, found.status == .active else {
            throw .refused("domain", "the organisation has no such domain")
        }
        let masked = MaskedAddress(
            address: EmailAddress(uncheckedLocalPart: Self.randomName(), domain: name),
            account: account.id,
            label: label,
            site: site,
            isEnabled: true,
            createdAt: clock.now()
        )
        let event = event("masked_address.add", account.primaryAddress.canonical, actor, Self.detail(masked))
        try await change(masked.address.description) { () async throws(StoreError) in
            try await store.addMaskedAddress(masked, atMost: limits.masked, audit: event)
        }
        return masked
    }

    package func changeMasked(
        _ masked: MaskedAddress,
        of account: Account,
        by actor: AddressActor
    ) async throws(AddressError) {
        try checkText("label", masked.label)
        try checkText("site", masked.site)
        let event = event("masked_address.change", account.primaryAddress.canonical, actor, Self.detail(masked))
        try await change(masked.address.description) { () async throws(StoreError) in
            try await store.changeMaskedAddress(masked, audit: event)
        }
    }

    package func removeMasked(
        _ address: EmailAddress,
        of account: Account,
        by actor: AddressActor
    ) async throws(AddressError) {
        let event = event(
            "masked_address.remove",
            account.primaryAddress.canonical,
            actor,
            AuditDetail(before: [address])
        )
        try await change(address.description) { () async throws(StoreError) in
            try await store.removeMaskedAddress(address, of: account.id, audit: event)
        }
    }

    package func masked(_ address: EmailAddress, of account: Account) async throws(AddressError) -> MaskedAddress {
        let found = try await read { () async throws(StoreError) in
            try await store.maskedAddress(address, of: account.id)
        }
        guard let found else { throw .notFound }
        return found
    }

    private static func detail(_ masked: MaskedAddress) -> AuditDetail {
        var detail = AuditDetail(after: [masked.address])
        detail.add("enabled", masked.isEnabled ? "yes" : "no")
        return detail
    }

    /// Octets above the alphabet's last whole multiple are drawn again, so that each letter is as likely.
    private static func randomName() -> String {
        var name: [UInt8] = []
        let bound = UInt8(256 / alphabet.count * alphabet.count - 1)
        while name.count < length {
            for byte in SecureRandom.bytes(length) where byte <= bound && name.count < length {
                name.append(alphabet[Int(byte) % alphabet.count])
            }
        }
        return String(decoding: name, as: UTF8.self)
    }
}
