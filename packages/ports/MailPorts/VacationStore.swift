package import MailModel

/// What the platform answers to people who write to somebody who is away (RFC 8621 §8, RFC 5230).
package struct Vacation: Hashable, Sendable {
    package enum Audience: String, CaseIterable, Sendable {
        case everyone
        /// Senders whose address is in a domain of the account's organisation.
        case organisation
    }

    package var isEnabled: Bool
    /// nil: at once.
    package var startsAt: Timestamp?
    /// The first moment that has no answers any more; nil: until it is switched off.
    package var endsAt: Timestamp?
    /// nil: `Auto: ` and the subject of what is answered.
    package var subject: String?
    /// Lines parted by LF.
    package var text: String
    /// Days in which one sender has one answer at most.
    package var intervalDays: Int
    package var audience: Audience
    package init(
        isEnabled: Bool = false,
        startsAt: Timestamp? = nil,
        endsAt: Timestamp? = nil,
        subject: String? = nil,
        text: String = "",
        intervalDays: Int = 7,
        audience: Audience = .everyone
    ) {
        self.isEnabled = isEnabled
        self.startsAt = startsAt
        self.endsAt = endsAt
        self.subject = subject
        self.text = text
        self.intervalDays = intervalDays
        self.audience = audience
    }

    /// Days in which a sender has one answer; what is answered is kept no longer than the most of them.
    package static let intervals = 1...31
}

/// An account that owes a sender an answer.
package struct DueVacation: Sendable {
    package var account: Account
    package var vacation: Vacation
    package init(account: Account, vacation: Vacation) { (self.account, self.vacation) = (account, vacation) }
}

/// One answer, as it is delivered.
package struct VacationAnswer: Sendable {
    /// What has it given.
    package enum Source: Hashable, Sendable {
        /// What the account has set, with its interval.
        case setting
        /// A script's: answers of the same handle count together, each counts for so long (RFC 5230 §4.1 and §4.2, RFC 6131 §2).
        case script(handle: String, seconds: Int64)
    }

    package var account: AccountID
    package var sender: EmailAddress
    package var source: Source
    package var plan: DeliveryPlan
    package init(account: AccountID, sender: EmailAddress, source: Source = .setting, plan: DeliveryPlan) {
        self.account = account
        self.sender = sender
        self.source = source
        self.plan = plan
    }
}

package protocol VacationStore: Sendable {
    /// nil: never set.
    func vacation(of account: AccountID) async throws(StoreError) -> Vacation?
    /// Sets it, or takes it away with nil; senders who had an answer have another one then.
    ///
    /// - Throws: `.notFound` when there is no such account up to the role.
    func setVacation(
        _ vacation: Vacation?,
        of account: AccountID,
        upTo limit: Role,
        audit: AuditEvent
    ) async throws(StoreError)
    /// Those of the accounts that are away at `now` and have not answered the sender within their interval.
    func vacationsDue(
        among accounts: [AccountID],
        to sender: EmailAddress,
        at now: Timestamp
    ) async throws(StoreError) -> [DueVacation]
    /// Delivers the answer and notes it in one transaction; of two at once for the same sender one is written.
    ///
    /// - Parameter limit: answers of the account in 24 hours.
    /// - Returns: whether it was written: false when the sender has one already, the account is back, or it has given `limit`.
    func answer(_ answer: VacationAnswer, atMost limit: Int) async throws(StoreError) -> Bool
    /// Forgets who was answered before the moment, some at a time.
    ///
    /// - Returns: how many were forgotten.
    func forgetVacationAnswers(before moment: Timestamp, limit: Int) async throws(StoreError) -> Int
}
