package import MailModel
package import MailPorts

package struct VacationLimits: Sendable {
    /// Octets of a text.
    package static let text = 10_000
}

/// Who is away, and what they have answered: one's own, and others' by those who manage them.
///
/// Invariants: what is another organisation's is not there; what ends is after its start; an enabled one says something.
package struct VacationService: Sendable {
    private let store: any VacationStore
    private let people: PeopleService

    package init(store: any VacationStore, people: PeopleService) { (self.store, self.people) = (store, people) }

    /// One that is off where there is none.
    package func vacation(of account: Account) async throws(AccountError) -> Vacation {
        try await AccountError.stored { () async throws(StoreError) in try await store.vacation(of: account.id) }
            ?? Vacation()
    }

    package func vacation(of id: AccountID, for actor: PeopleActor) async throws(AccountError) -> Vacation {
        try await vacation(of: try await people.person(id, for: actor).account)
    }

    /// nil takes it away; `.notFound` when there is none.
    package func setOwn(
        _ vacation: Vacation?,
        of account: Account,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) {
        try await set(vacation, of: account, PeopleActor(account, remote: remote), now)
    }

    /// nil takes it away; `.notFound` when there is none.
    package func set(
        _ vacation: Vacation?,
        of id: AccountID,
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) {
        try await set(vacation, of: try await people.managed(id, by: actor), actor, now)
    }

    private func set(
        _ vacation: Vacation?,
        of account: Account,
        _ actor: PeopleActor,
        _ now: Timestamp
    ) async throws(AccountError) {
        if let vacation { try Self.check(vacation) }
        try await AccountError.stored { () async throws(StoreError) in
            try await store.setVacation(
                vacation,
                of: account.id,
                upTo: actor.role,
                audit: actor.event("account.vacation", account.primaryAddress.canonical, now)
            )
        }
    }

    static func check(_ vacation: Vacation) throws(AccountError) {
        if let start = vacation.startsAt, let end = vacation.endsAt, end <= start {
            throw .fieldRefused("ends_at", "It ends after it begins.")
        }
        guard Vacation.intervals.contains(vacation.intervalDays) else {
            let (least, most) = (Vacation.intervals.lowerBound, Vacation.intervals.upperBound)
            throw .fieldRefused("interval_days", "An interval is \(least) to \(most) days.")
        }
        if let subject = vacation.subject {
            _ = try PeopleService.text(subject, "subject")
        }
        guard vacation.text.utf8.count <= VacationLimits.text else {
            throw .fieldRefused("text", "A text has at most \(VacationLimits.text) octets.")
        }
        guard !vacation.text.utf8.contains(0) else { throw .fieldRefused("text", "A text has no NUL.") }
        let isEmpty = vacation.text.utf8.allSatisfy { $0 == 32 || $0 == 10 || $0 == 13 || $0 == 9 }
        guard !vacation.isEnabled || !isEmpty else { throw .fieldRefused("text", "An answer says something.") }
    }
}
