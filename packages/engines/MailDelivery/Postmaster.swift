import MailModel
import MailPorts

/// Who reads mail to a domain's postmaster when nobody has that address.
enum Postmaster {
    /// Accounts looked at in each domain.
    private static let maximumAccounts = 100
    /// Domains looked at of an organisation.
    private static let maximumDomains = 10

    /// The domain that the host's name is, or is in; without one here, the first of the platform's own organisation.
    ///
    /// Never a tenant's that is neither: what is written to a host's postmaster is about everybody's mail.
    static func domain(ofHost hostname: String, in directory: any DirectoryStore) async throws(StoreError) -> String? {
        var rest = EmailAddress.lowercased(hostname).utf8[...]
        while rest.contains(UInt8(ascii: ".")) {
            let name = String(decoding: rest, as: UTF8.self)
            if try await directory.domain(named: name)?.status == .active { return name }
            rest = rest.drop { $0 != UInt8(ascii: ".") }.dropFirst()
        }
        let first = try await directory.domains(of: .platform, after: nil, limit: maximumDomains)
        return first.first { $0.status == .active }?.name
    }

    /// The first who administers the domain's organisation, by rank, those of the domain itself before others;
    /// without any, the domain's first account.
    static func find(for domain: String, in directory: any DirectoryStore) async throws(StoreError) -> Account? {
        guard let hosted = try await directory.domain(named: domain) else { return nil }
        let own = try await directory.accounts(ofDomain: domain, after: nil, limit: maximumAccounts).filter {
            $0.status == .active
        }
        if let administrator = highest(own) { return administrator }
        for other in try await directory.domains(of: hosted.organisation, after: nil, limit: maximumDomains)
        where other.name != domain {
            let accounts = try await directory.accounts(ofDomain: other.name, after: nil, limit: maximumAccounts)
            if let administrator = highest(accounts.filter { $0.status == .active }) { return administrator }
        }
        return own.first
    }

    private static func highest(_ accounts: [Account]) -> Account? {
        for role in [Role.owner, .admin, .platformAdmin] {
            if let found = accounts.first(where: { $0.role == role }) { return found }
        }
        return nil
    }
}
