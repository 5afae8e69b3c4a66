package import MailModel
package import MailPorts
import Synchronization

/// Grants in memory, whoever has the addresses.
package final class FakeSendingGrants: SendingGrantStore {
    private let grants = Mutex<[SendingGrant]>([])
    package init() {}

    package func addSendingGrant(
        _ kind: SendingGrantKind,
        of address: EmailAddress,
        owner: AccountID,
        to grantee: AccountID,
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> SendingGrant {
        grants.withLock { grants in
            let made = SendingGrant(
                id: SendingGrantID(Int64(grants.count + 1)),
                kind: kind,
                address: address,
                owner: owner,
                grantee: grantee,
                granteeAddress: address,
                organisation: OrganisationID(1),
                createdAt: audit.at,
                createdBy: audit.actor
            )
            grants.append(made)
            return made
        }
    }

    /// Filters but the id are not looked at.
    package func sendingGrants(_ listing: GrantListing) async throws(StoreError) -> [SendingGrant] {
        grants.withLock { grants in
            listing.page(
                of: grants.filter { Self.matches($0, listing.subject) && (listing.id == nil || listing.id == $0.id) }
            )
        }
    }

    package func removeSendingGrant(
        _ id: SendingGrantID,
        _ subject: SendingGrantSubject,
        audit: AuditEvent
    ) async throws(StoreError) {
        let isGone = grants.withLock { grants in
            guard let place = grants.firstIndex(where: { $0.id == id && Self.matches($0, subject) }) else {
                return false
            }
            grants.remove(at: place)
            return true
        }
        guard isGone else { throw .notFound }
    }

    package func grantedAddresses(
        of grantee: AccountID
    ) async throws(StoreError) -> [(kind: SendingGrantKind, address: EmailAddress)] {
        grants.withLock { grants in grants.filter { $0.grantee == grantee }.map { ($0.kind, $0.address) } }
    }

    private static func matches(_ grant: SendingGrant, _ subject: SendingGrantSubject) -> Bool {
        switch subject {
        case .givenBy(let account): grant.owner == account
        case .heldBy(let account): grant.grantee == account
        case .within(let organisation): organisation.map { $0 == grant.organisation } ?? true
        }
    }
}
