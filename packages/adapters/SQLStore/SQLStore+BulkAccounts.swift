import Database
import MailModel
import MailPorts

extension BulkWork {
    /// Why an import suspends; people read it.
    private static let reason = "suspended by an import"

    mutating func take(_ wish: BulkAccount) throws(StoreError) -> BulkOutcome {
        let known = try connection.first(
            """
            SELECT addresses.account_id, accounts.primary_address FROM addresses
            LEFT JOIN accounts ON accounts.account_id = addresses.account_id WHERE addresses.address = $1
            """,
            [.text(wish.address.canonical)]
        ) { row throws(StoreError) in (account: row.optionalInteger(0), primary: row.optionalText(1)) }
        guard let known else {
            try make(wish)
            return .created
        }
        guard let account = known.account, known.primary == wish.address.canonical else { throw .alreadyExists }
        return try change(AccountID(account), wish) ? .changed : .unchanged
    }

    // MARK: - New ones

    private mutating func make(_ wish: BulkAccount) throws(StoreError) {
        let isInvited = try connection.first(
            "SELECT 1 FROM invitations WHERE address = $1 AND expires_at > $2",
            [.text(wish.address.canonical), .integer(now.microseconds)]
        ) { _ throws(StoreError) in true }
        guard isInvited != true else { throw .refused("\(wish.address) is invited already") }
        let quota = wish.quotaBytes.applied(to: nil) ?? bulk.defaultQuota
        try require(QuotaLimits(hardBytes: quota))
        column = "address"
        let account = try SQLStore.insert(
            NewAccount(
                organisation: bulk.organisation,
                address: wish.address,
                displayName: wish.displayName ?? "",
                passwordHash: nil,
                quotaBytes: quota
            ),
            now,
            connection
        )
        note("account.add", wish.address)
        if wish.profile != ProfileChange() {
            let step = PersonStep.change(displayName: nil, role: nil, profile: wish.profile)
            _ = try SQLStore.take(step, on: account.id, upTo: bulk.role, now, connection)
        }
        if wish.status == .suspended { try suspend(account.id, wish.address) }
        if let invitation = wish.invitation { try invite(account, invitation) }
    }

    /// Whoever spends the token chooses how to sign in, and proves the contact.
    private mutating func invite(_ account: Account, _ invitation: BulkInvitation) throws(StoreError) {
        column = "contact"
        let open = try connection.first(
            "SELECT COUNT(*) FROM invitations WHERE organisation_id = $1 AND expires_at > $2",
            [.integer(bulk.organisation.rawValue), .integer(now.microseconds)]
        ) { row throws(StoreError) in row.integer(0) }
        guard (open ?? 0) < bulk.openInvitations else {
            throw .refused("the organisation has \(bulk.openInvitations) open invitations")
        }
        // Accepting demands one; said now rather than then.
        try SQLStore.requireActiveDomain(account.primaryAddress.domain, of: bulk.organisation, connection)
        let made = Invitation(
            id: InvitationID(try SQLStore.next("invitation", connection)),
            organisation: bulk.organisation,
            address: account.primaryAddress,
            contact: invitation.contact,
            displayName: account.displayName,
            role: account.role,
            invitedBy: bulk.audit.actor,
            createdAt: now,
            expiresAt: invitation.expiresAt
        )
        try SQLStore.insert(made, invitation.tokenHash, for: account.id, connection)
        note(
            "invitation.add",
            account.primaryAddress,
            AuditDetail().adding("role", account.role.rawValue).adding("contact", invitation.contact.description).text
        )
    }

    // MARK: - Those that are there

    /// - Returns: whether anything is another now.
    private mutating func change(_ id: AccountID, _ wish: BulkAccount) throws(StoreError) -> Bool {
        guard let own = try SQLStore.ownState(id, connection) else { throw .notFound }
        guard own.role.rank <= bulk.role.rank else { throw .refused("the account's role is above yours") }
        guard own.status != .deleted else { throw .refused("the account is deleted") }
        let lines = audit.count
        if isOther(wish, own) {
            let step = PersonStep.change(displayName: wish.displayName, role: nil, profile: wish.profile)
            let taken = try SQLStore.take(step, on: id, upTo: bulk.role, now, connection)
            note("account.change", wish.address, taken.detail)
        }
        if let status = wish.status, status != own.status {
            column = "state"
            if status == .suspended {
                try suspend(id, wish.address)
            } else {
                let taken = try SQLStore.take(.restore, on: id, upTo: bulk.role, now, connection)
                note("account.restore", wish.address, taken.detail)
            }
        }
        if case .set(let quota) = wish.quotaBytes { try setQuota(quota, of: id, wish.address) }
        return audit.count > lines
    }

    private func isOther(_ wish: BulkAccount, _ own: SQLStore.OwnState) -> Bool {
        let language = wish.profile.language.applied(to: own.language.flatMap { LanguageTag($0) })?.description
        let isNamed = wish.displayName.map { $0.utf8.elementsEqual(own.name.utf8) } ?? true
        return !isNamed || language != own.language || wish.profile.timeZone.applied(to: own.timeZone) != own.timeZone
    }

    private mutating func suspend(_ id: AccountID, _ address: EmailAddress) throws(StoreError) {
        column = "state"
        guard id != bulk.account else { throw .refused("this is your own account") }
        let taken = try SQLStore.take(.suspend(reason: Self.reason), on: id, upTo: bulk.role, now, connection)
        note("account.suspend", address, taken.detail)
    }

    private mutating func setQuota(_ quota: Int64?, of id: AccountID, _ address: EmailAddress) throws(StoreError) {
        let before = try QuotaReader.standing(of: .account(id), connection).limits
        guard before.hardBytes != quota else { return }
        var limits = before
        limits.hardBytes = quota
        try require(limits)
        try SQLStore.setLimits(limits, of: id, connection)
        note("quota.set", address, SQLStore.detail(before: before, after: limits))
    }

    private mutating func require(_ limits: QuotaLimits) throws(StoreError) {
        column = "quota_bytes"
        if let fault = limits.fault { throw .refused(fault.why) }
    }
}
