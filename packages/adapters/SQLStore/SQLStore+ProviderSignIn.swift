import Database
import MailModel
package import MailPorts

/// Signing in by an identity provider.
extension SQLStore {
    package func signIn(
        _ identity: ProviderIdentity,
        by used: ProviderConnection,
        making new: NewAccount?,
        audit: AuditEvent
    ) async throws(StoreError) -> ProviderSignInOutcome {
        let now = clock.now()
        do throws(StoreError) {
            return try await database.write { connection throws(StoreError) in
                let step = ProviderStep(identity: identity, used: used, audit: audit, now: now, connection: connection)
                return try step.take(making: new)
            }
        } catch .alreadyExists {
            // Made at the same moment: by another sign-in, or as a list or an alias.
            return .addressTaken
        }
    }

    private struct ProviderStep {
        let identity: ProviderIdentity
        let used: ProviderConnection
        let audit: AuditEvent
        let now: Timestamp
        let connection: any SQLConnection

        func take(making new: NewAccount?) throws(StoreError) -> ProviderSignInOutcome {
            guard try SQLStore.providerConnection(of: used.domain, connection)?.version == used.version else {
                return .connectionChanged
            }
            if let linked = try linkedAccount(), let account = try SQLStore.account(linked, connection) {
                guard account.primaryAddress.domain == used.domain else { return .otherDomain }
                return try opened(account)
            }
            if let known = try holder() {
                guard let id = known.account, let account = try SQLStore.account(id, connection) else {
                    return .addressTaken
                }
                guard account.primaryAddress.domain == used.domain else { return .otherDomain }
                guard try !isLinked(id) else { return .otherSubject }
                guard let refusal = try refusal(of: account) else {
                    try link(account, "sso.link")
                    return try opened(account)
                }
                return refusal
            }
            guard let new else { return .noAccount }
            let account = try SQLStore.insert(new, now, connection)
            var made = audit
            made.action = "account.add"
            made.subject = account.primaryAddress.canonical
            made.detail = AuditDetail().adding("by", "provider").text
            try SQLStore.record(made, connection)
            try link(account, "sso.link")
            return try opened(account)
        }

        private func refusal(of account: Account) throws(StoreError) -> ProviderSignInOutcome? {
            let isShared = try connection.first(
                "SELECT 1 FROM shared_accounts WHERE account_id = $1",
                [.integer(account.id.rawValue)]
            ) { _ throws(StoreError) in true }
            // Nobody signs in to a shared account, by whatever means.
            guard account.status == .active, isShared != true else { return .suspended }
            return account.role.rank <= used.setBy.rank ? nil : .roleAbove
        }

        private func opened(_ account: Account) throws(StoreError) -> ProviderSignInOutcome {
            if let refusal = try refusal(of: account) { return refusal }
            try connection.execute(
                """
                UPDATE provider_links SET last_used_at = $3, last_used_from = $4 WHERE account_id = $1 AND domain = $2
                """,
                [
                    .integer(account.id.rawValue), .text(used.domain), .integer(now.microseconds),
                    .optional(audit.remote?.description),
                ]
            )
            try record("sso.sign_in", account)
            return .signedIn(account)
        }

        private func linkedAccount() throws(StoreError) -> AccountID? {
            try connection.first(
                "SELECT account_id FROM provider_links WHERE domain = $1 AND issuer = $2 AND subject = $3",
                [.text(used.domain), .text(identity.issuer), .text(identity.subject)]
            ) { row throws(StoreError) in AccountID(row.integer(0)) }
        }

        private struct Holder {
            /// nil: an alias or a list.
            var account: AccountID?
        }

        private func holder() throws(StoreError) -> Holder? {
            try connection.first(
                "SELECT account_id FROM addresses WHERE address = $1",
                [.text(identity.address.canonical)]
            ) { row throws(StoreError) in Holder(account: row.optionalInteger(0).map { AccountID($0) }) }
        }

        private func isLinked(_ account: AccountID) throws(StoreError) -> Bool {
            try connection.first(
                "SELECT 1 FROM provider_links WHERE account_id = $1 AND domain = $2",
                [.integer(account.rawValue), .text(used.domain)]
            ) { _ throws(StoreError) in true } == true
        }

        private func link(_ account: Account, _ action: String) throws(StoreError) {
            try connection.execute(
                "INSERT INTO provider_links (account_id, domain, issuer, subject, linked_at) VALUES ($1, $2, $3, $4, $5)",
                [
                    .integer(account.id.rawValue), .text(used.domain), .text(identity.issuer), .text(identity.subject),
                    .integer(now.microseconds),
                ]
            )
            try record(action, account)
        }

        private func record(_ action: String, _ account: Account) throws(StoreError) {
            var event = audit
            event.actor = account.primaryAddress.canonical
            event.action = action
            event.subject = account.primaryAddress.canonical
            event.detail = AuditDetail().adding("issuer", identity.issuer).adding("subject", identity.subject).text
            try SQLStore.record(event, connection)
        }
    }
}
