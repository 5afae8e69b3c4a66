package import MailModel
package import MailPorts

extension MailboxSharing {
    /// Octets of a display name.
    private static let longestName = 200

    /// Makes an account without sign-in, such as `support@`, in a hosted domain.
    ///
    /// - Parameters:
    ///   - organisation: the only one whose domains will do; nil: any.
    ///   - quotaBytes: octets of mail; nil for no limit of its own.
    /// - Throws: `.refused` for a domain that is not the organisation's and an address that is taken.
    package func addTeam(
        _ address: EmailAddress,
        displayName: String,
        within organisation: OrganisationID?,
        quotaBytes: Int64?,
        by actor: SharingActor,
        now: Timestamp
    ) async throws(SharingFailure) -> Account {
        guard displayName.utf8.count <= Self.longestName, !displayName.utf8.contains(where: { $0 < 32 || $0 == 127 })
        else {
            throw .refused(
                field: "display_name",
                "it has at most \(Self.longestName) octets and no control characters"
            )
        }
        do throws(StoreError) {
            let domain = try await directory.domain(named: address.domain)
            guard let domain, domain.status != .deleted, organisation == nil || domain.organisation == organisation
            else { throw .notFound }
            return try await store.addTeamAccount(
                NewAccount(
                    organisation: domain.organisation,
                    address: address,
                    displayName: displayName,
                    passwordHash: nil,
                    quotaBytes: quotaBytes
                ),
                audit: AuditEvent(
                    at: now,
                    actor: actor.name,
                    action: "shared_account.add",
                    subject: address.canonical,
                    remote: actor.remote,
                    detail: AuditDetail().adding("display_name", displayName).text
                )
            )
        } catch .notFound {
            throw .refused(field: "email", "this is no address of a domain of the organisation")
        } catch .alreadyExists {
            throw .store(.alreadyExists)
        } catch {
            throw .store(error)
        }
    }

    package func teams(_ listing: TeamListing) async throws(StoreError) -> [TeamAccount] {
        try await store.teamAccounts(listing)
    }
}
