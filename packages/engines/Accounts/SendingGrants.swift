package import MailModel
package import MailPorts

/// Who may send with whose address: given by the address's owner, or by an administrator of the organisation.
package struct SendingGrants: Sendable {
    /// Grants that one account may have given.
    package static let perAccount = 200

    package let store: any SendingGrantStore
    private let directory: any DirectoryStore

    package init(store: any SendingGrantStore, directory: any DirectoryStore) {
        self.store = store
        self.directory = directory
    }

    /// Gives a grant.
    ///
    /// - Parameter organisation: nil for operators, who may give them in any.
    /// - Throws: `.fieldRefused` for an address or a person that is not of the organisation, whether it exists elsewhere or not.
    package func give(
        _ kind: SendingGrantKind,
        of address: EmailAddress,
        to person: EmailAddress,
        within organisation: OrganisationID?,
        actor: String,
        remote: IPAddress? = nil,
        now: Timestamp
    ) async throws(AccountError) -> SendingGrant {
        let owner: Account?
        do throws(StoreError) {
            owner = try await directory.account(withAddress: address)
        } catch {
            throw .store(error)
        }
        guard let owner, organisation == nil || owner.organisation == organisation else {
            throw .fieldRefused("address", "no account of the organisation has this address")
        }
        return try await give(kind, of: address, owner: owner, to: person, actor, remote, now)
    }

    /// Gives a grant of an address of one's own.
    package func give(
        _ kind: SendingGrantKind,
        of address: EmailAddress,
        owner: Account,
        to person: EmailAddress,
        _ actor: String,
        _ remote: IPAddress?,
        _ now: Timestamp
    ) async throws(AccountError) -> SendingGrant {
        let grantee: Account?
        do throws(StoreError) {
            grantee = try await directory.account(withAddress: person)
        } catch {
            throw .store(error)
        }
        guard let grantee, grantee.organisation == owner.organisation else {
            throw .fieldRefused("to", "no account of the organisation has this address")
        }
        do throws(StoreError) {
            return try await store.addSendingGrant(
                kind,
                of: address,
                owner: owner.id,
                to: grantee.id,
                atMost: Self.perAccount,
                audit: AuditEvent(
                    at: now,
                    actor: actor,
                    action: "sending_grant.add",
                    subject: address.canonical,
                    remote: remote,
                    // An address has no quotation mark in its domain; its local part may: only the account's number is told.
                    detail: "{\"kind\":\"\(kind.rawValue)\",\"grantee\":\(grantee.id)}"
                )
            )
        } catch .alreadyExists {
            throw .fieldTaken("to", "the grant is there already")
        } catch .notFound {
            throw .fieldRefused("address", "this is no address of the account")
        } catch {
            throw .store(error)
        }
    }

    /// Ends a grant; `.store(.notFound)` when it is none of the subject's.
    package func revoke(
        _ id: SendingGrantID,
        _ subject: SendingGrantSubject,
        actor: String,
        remote: IPAddress? = nil,
        now: Timestamp
    ) async throws(AccountError) {
        do throws(StoreError) {
            var listing = GrantListing(subject, limit: 1)
            listing.id = id
            guard let known = try await store.sendingGrants(listing).first else { throw .notFound }
            try await store.removeSendingGrant(
                id,
                subject,
                audit: AuditEvent(
                    at: now,
                    actor: actor,
                    action: "sending_grant.revoke",
                    subject: known.address.canonical,
                    remote: remote,
                    detail: "{\"kind\":\"\(known.kind.rawValue)\",\"grantee\":\(known.grantee)}"
                )
            )
        } catch {
            throw .store(error)
        }
    }

    package func list(_ listing: GrantListing) async throws(AccountError) -> [SendingGrant] {
        do throws(StoreError) {
            return try await store.sendingGrants(listing)
        } catch {
            throw .store(error)
        }
    }
}
