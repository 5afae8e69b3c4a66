package import MailModel
package import MailPorts

/// Administrators who act as the people they manage.
///
/// Invariants: no token is given out whose account was not told by mail; each has a reason that its account reads; whoever
/// acts as another cannot act further.
package struct ActingService: Sendable {
    private let people: PeopleService
    private let tokens: TokenService
    private let notices: any NoticeSending

    package init(people: PeopleService, tokens: TokenService, notices: any NoticeSending) {
        self.people = people
        self.tokens = tokens
        self.notices = notices
    }

    /// Begins to act as the account; what the administrator had open as it ends.
    package func begin(
        as id: AccountID,
        reason: String,
        by administrator: SignedIn,
        from origin: SessionOrigin,
        now: Timestamp
    ) async throws(AccountError) -> ActingToken {
        guard administrator.actor == nil else { throw .notAllowed("Whoever acts as another acts as nobody else.") }
        let account = try await account(id, administrator.account, origin.remote)
        guard account.status == .active else {
            throw .fieldTaken("status", "The account is \(account.status.rawValue): nobody acts as it.")
        }
        guard tokens.limits.acting.allows(administrator.account, as: account) else {
            throw .notAllowed(refusal)
        }
        let reason = try PeopleService.text(reason, "reason")
        let token = try await AccountError.stored { () async throws(StoreError) in
            try await tokens.issue(as: account, actor: administrator, reason: reason, from: origin, now: now)
        }
        do throws(StoreError) {
            try await notices.send(Self.notice(of: token.session, to: account), now: now)
        } catch {
            // Nobody has the token yet.
            let ended = TokenService.event("account.act_end", of: token.session.family, by: "system", remote: nil, now)
            try? await tokens.sessions.revokeSession(token.session.family, of: account.id, audit: ended)
            switch error {
            case .unavailable, .damaged: throw .store(error)
            case .refused, .overQuota, .levelFull, .notFound, .alreadyExists:
                throw .fieldTaken(
                    "mail",
                    "The account takes no mail, so it cannot be told: nobody acts as it until it does."
                )
            }
        }
        return token
    }

    /// Ends what the administrator has open as the account; how many.
    package func end(
        as id: AccountID,
        by administrator: Account,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) -> Int {
        let account = try await account(id, administrator, remote)
        return try await AccountError.stored { () async throws(StoreError) in
            try await tokens.endActing(as: account, by: administrator, remote: remote, now: now)
        }
    }

    private func account(
        _ id: AccountID,
        _ administrator: Account,
        _ remote: IPAddress?
    ) async throws(AccountError) -> Account {
        guard id != administrator.id else { throw .notAllowed("This is your own account: nobody acts as themselves.") }
        return try await people.managed(id, by: PeopleActor(administrator, remote: remote))
    }

    private var refusal: String {
        switch tokens.limits.acting {
        case .off: "Nobody acts as another on this platform."
        case .operators: "Operators of the platform alone act as others."
        case .administrators: "You may not act as this account."
        }
    }

    private static func notice(of session: ActingSession, to account: Account) -> PlatformNotice {
        let (actor, minutes) = (session.actor, TokenLimits.actingSeconds / 60)
        return PlatformNotice(
            to: account.primaryAddress,
            from: account.primaryAddress.domain,
            subject: "An administrator acts as \(account.primaryAddress)",
            text: """
                \(actor.address) acts as \(account.primaryAddress) from now on, for \(minutes) minutes at most. The reason they gave:

                \(actor.reason)

                They see what you see and change your profile and your masked addresses; everything is recorded in their name. They do
                not get your password, and can change nothing that you sign in with.

                Your list of sessions shows it, and you can end it there at once.
                """
        )
    }
}
