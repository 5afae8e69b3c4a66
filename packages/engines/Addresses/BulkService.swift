package import MailModel
package import MailPorts

/// Who imports, for rules and for the audit.
package struct BulkActor: Sendable {
    package var name: String
    package var role: Role
    /// nil: no account stands behind it.
    package var account: AccountID?
    package var remote: IPAddress?
    package init(_ name: String, role: Role, account: AccountID?, remote: IPAddress? = nil) {
        (self.name, self.role, self.account, self.remote) = (name, role, account, remote)
    }
}

/// What became of an import, or would.
package struct BulkReport: Sendable {
    package struct Line: Sendable {
        package var line: Int
        /// As far as it could be read.
        package var address: String
        package var outcome: BulkOutcome
        /// nil: nobody was to be invited; otherwise whether the mail left.
        package var isInvited: Bool?
    }
    package var lines: [Line]
    /// Whether anything that was to be changed is.
    package var isApplied: Bool

    package var refused: [Line] { lines.filter(\.outcome.isRefused) }
    package func count(_ outcome: BulkOutcome) -> Int { lines.count { $0.outcome == outcome } }
}

/// Accounts, aliases and lists of a domain as tables (CSV).
///
/// Invariants: a row obeys the rules of the single changes; a trial changes nothing; no password is in any table, and a
/// token only in the mail to its contact. Who may do it is for the caller to know.
package struct BulkService: Sendable {
    /// What invitations need of those who make accounts.
    package struct Invitations: Sendable {
        package var token: @Sendable () -> (text: String, hash: [UInt8])
        package var notices: any NoticeSending
        package init(
            token: @escaping @Sendable () -> (text: String, hash: [UInt8]),
            notices: any NoticeSending
        ) {
            (self.token, self.notices) = (token, notices)
        }
    }

    let store: any BulkStore
    let book: any AddressBook
    let people: any PeopleStore
    package let limits: BulkLimits
    let addressLimits: AddressLimits
    let invitations: Invitations
    let limiter: any RateLimiter
    let clock: any WallClock

    package init(
        store: any BulkStore,
        book: any AddressBook,
        people: any PeopleStore,
        limits: BulkLimits,
        addressLimits: AddressLimits,
        invitations: Invitations,
        limiter: any RateLimiter,
        clock: any WallClock
    ) {
        self.store = store
        self.book = book
        self.people = people
        self.limits = limits
        self.addressLimits = addressLimits
        self.invitations = invitations
        self.limiter = limiter
        self.clock = clock
    }

    private struct Reading {
        var lines: [BulkReport.Line] = []
        var rows: [BulkRow] = []
        /// Which line each row is.
        var places: [Int] = []
        /// By place of the line.
        var mails: [Int: Mail] = [:]
    }

    private struct Mail {
        var contact: EmailAddress
        var address: EmailAddress
        var token: String
    }

    /// - Throws: what stands against the table as a whole; rows that are refused are in the report.
    package func run(
        _ bytes: [UInt8],
        of kind: BulkKind,
        into domain: HostedDomain,
        mode: BulkImport.Mode,
        by actor: BulkActor
    ) async throws(BulkFault) -> BulkReport {
        guard kind != .masked else { throw .exportedOnly(kind) }
        let now = clock.now()
        var reading = try read(bytes, of: kind, domain.name, now)
        // A row that cannot be read stops an import as one that the store refuses.
        let isHalf = reading.lines.contains { $0.outcome.isRefused }
        let effective = mode == .whole && isHalf ? BulkImport.Mode.trial : mode
        if effective != .trial { try await countInvitations(reading.mails.count, domain.organisation, now) }
        let bulk = BulkImport(
            domain: domain.name,
            organisation: domain.organisation,
            kind: kind.rawValue,
            rows: reading.rows,
            mode: effective,
            role: actor.role,
            account: actor.account,
            defaultQuota: limits.defaultQuota,
            openInvitations: limits.openInvitations,
            members: addressLimits.members,
            audit: AuditEvent(at: now, actor: actor.name, action: "", subject: "", remote: actor.remote)
        )
        let outcomes = try await stored { () async throws(StoreError) in try await store.apply(bulk) }
        for (place, outcome) in zip(reading.places, outcomes) { reading.lines[place].outcome = outcome }
        let isRefused = reading.lines.contains { $0.outcome.isRefused }
        let isApplied = effective == .partial || effective == .whole && !isRefused
        if isApplied { try await sendMails(&reading, domain, now) }
        return BulkReport(lines: reading.lines, isApplied: isApplied)
    }

    // MARK: - Reading

    private func read(
        _ bytes: [UInt8],
        of kind: BulkKind,
        _ domain: String,
        _ now: Timestamp
    ) throws(BulkFault) -> Reading {
        let table = try BulkTable(bytes, of: kind, limits)
        let reader = BulkRowReader(domain: domain, kind: kind, limits: limits, addressLimits: addressLimits)
        var reading = Reading()
        var known: [String: Int] = [:]
        for row in table.rows {
            let shown = String(decoding: (row.cells[.address] ?? "").utf8.prefix(320), as: UTF8.self)
            var line = BulkReport.Line(line: row.line, address: shown, outcome: .unchanged)
            do throws(BulkCellFault) {
                let (made, contact) = try reader.row(row)
                if let first = known.updateValue(row.line, forKey: made.address.canonical) {
                    throw BulkCellFault(.address, "line \(first) has it already")
                }
                reading.places.append(reading.lines.count)
                reading.rows.append(invite(made, contact, place: reading.lines.count, now, &reading))
            } catch {
                line.outcome = .refused(column: error.column.rawValue, error.why)
            }
            reading.lines.append(line)
        }
        return reading
    }

    private func invite(
        _ row: BulkRow,
        _ contact: EmailAddress?,
        place: Int,
        _ now: Timestamp,
        _ reading: inout Reading
    ) -> BulkRow {
        guard case .account(var account) = row, let contact else { return row }
        let token = invitations.token()
        account.invitation = BulkInvitation(
            contact: contact,
            tokenHash: token.hash,
            expiresAt: now.adding(seconds: limits.invitationSeconds)
        )
        reading.mails[place] = Mail(contact: contact, address: account.address, token: token.text)
        return .account(account)
    }

    // MARK: - Invitations

    /// As one by one: what is begun is counted, whether it comes to a mail or not.
    private func countInvitations(
        _ count: Int,
        _ organisation: OrganisationID,
        _ now: Timestamp
    ) async throws(BulkFault) {
        for _ in 0..<count {
            let counted = await limiter.count(
                "invitation:\(organisation)",
                limit: limits.openInvitations,
                windowSeconds: BulkLimits.daySeconds,
                now: now
            )
            if case .exceeded(let seconds) = counted { throw .tooMany(retryAfterSeconds: seconds) }
        }
    }

    /// The accounts are there by now: a mail that does not leave is said in the report.
    private func sendMails(_ reading: inout Reading, _ domain: HostedDomain, _ now: Timestamp) async throws(BulkFault) {
        guard !reading.mails.isEmpty else { return }
        let organisation = try await stored { () async throws(StoreError) in
            try await people.organisation(domain.organisation)
        }
        for (place, mail) in reading.mails.sorted(by: { $0.key < $1.key })
        where reading.lines[place].outcome == .created {
            do throws(StoreError) {
                try await invitations.notices.send(
                    notice(mail, organisation?.name ?? domain.name, domain.name),
                    now: now
                )
                reading.lines[place].isInvited = true
            } catch {
                reading.lines[place].isInvited = false
            }
        }
    }

    private func notice(_ mail: Mail, _ organisation: String, _ domain: String) -> PlatformNotice {
        PlatformNotice(
            to: mail.contact,
            from: domain,
            subject: "Your mailbox \(mail.address)",
            text: """
                \(organisation) has a mailbox for you: \(mail.address).

                Choose a password or a passkey for it with this token, which is good once and for \(
                    limits.invitationSeconds / 3_600) hours:

                \(mail.token)

                If you do not expect this, do nothing.
                """
        )
    }

    func stored<Value>(_ work: () async throws(StoreError) -> Value) async throws(BulkFault) -> Value {
        do throws(StoreError) {
            return try await work()
        } catch {
            throw .store(error)
        }
    }
}
