package import MailModel
package import MailPorts

extension DomainPolicy {
    /// The place of the first copy that goes to an address outside of the organisation's domains; nil when none does.
    ///
    /// Mail that is sent on elsewhere would bear the name of a sender who never wrote there.
    package func foreignCopy(
        of organisation: OrganisationID,
        _ directory: any DirectoryStore
    ) async throws(StoreError) -> Int? {
        for (place, copy) in (copies ?? []).enumerated() {
            guard let address = EmailAddress(copy.address) else { return place }
            let domain = try await directory.domain(named: address.domain)
            guard let domain, domain.organisation == organisation, domain.status != .deleted else { return place }
        }
        return nil
    }
}
