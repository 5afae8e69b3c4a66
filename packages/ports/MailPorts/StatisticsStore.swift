package import MailModel

/// What is counted of a domain's mail on a day.
///
/// Recipients and messages of a trace, never of bodies: who mails whom is not kept.
package enum MailCount: String, CaseIterable, Sendable {
    /// Copies delivered into mailboxes here that were written to an address of the domain; members of a list by their own addresses.
    case received
    /// Times that mail to an address of the domain was not taken: the recipient or the message was refused, or the sender left.
    case refused
    /// Messages that accounts here have submitted under a sender of the domain, whoever they are to.
    case submitted
    /// Recipients elsewhere that mail under a sender of the domain was queued for.
    case queued
    /// Recipients elsewhere whose server took mail under a sender of the domain.
    case sent
    /// Attempts that were put off; one recipient may be in it several times.
    case deferred
    /// Recipients elsewhere that were given up.
    case bounced
    /// Recipients elsewhere that an operator took from the queue.
    case cancelled
}

/// The counts of a day, or of several.
package struct MailCounts: Hashable, Sendable {
    private var values: [MailCount: Int64] = [:]
    package init() {}

    package subscript(count: MailCount) -> Int64 {
        get { values[count] ?? 0 }
        set { values[count] = newValue == 0 ? nil : newValue }
    }

    package static func += (left: inout MailCounts, right: MailCounts) {
        for count in MailCount.allCases { left[count] += right[count] }
    }
}

extension TraceEvent {
    /// Ends the detail of an accepted message that an account here has submitted; others only say that they are of a sender.
    package static let submittedMark = ", submitted"

    /// Which count it is part of, and of which domain, hosted or not; nil: of none.
    ///
    /// An envelope sender is proved where mail is submitted. Mail from outside that an alias leads on has any sender, and is
    /// counted as queued and sent for that sender's domain.
    package var counted: (count: MailCount, domain: String)? {
        let (count, address): (MailCount, String?)
        switch kind {
        case .delivered: (count, address) = (.received, recipient)
        case .refused: (count, address) = (.refused, recipient)
        case .accepted: (count, address) = (.submitted, isSubmission ? sender : nil)
        case .queued: (count, address) = (.queued, sender)
        case .sent: (count, address) = (.sent, sender)
        case .deferred: (count, address) = (.deferred, sender)
        case .bounced: (count, address) = (.bounced, sender)
        case .cancelled: (count, address) = (.cancelled, sender)
        // Put into a mailbox by its owner: nothing has come or gone.
        case .appended: return nil
        }
        return address.flatMap(Self.domain).map { (count, $0) }
    }

    private var isSubmission: Bool {
        detail.utf8.suffix(Self.submittedMark.utf8.count).elementsEqual(Self.submittedMark.utf8)
    }

    /// Of an address as a trace has it, local parts in quotes among them; nil for the null sender and address literals.
    private static func domain(of address: String) -> String? {
        guard let at = address.utf8.lastIndex(of: UInt8(ascii: "@")) else { return nil }
        let domain = address.utf8[address.utf8.index(after: at)...]
        return EmailAddress.isDomain(domain) ? EmailAddress.lowercased(String(decoding: domain, as: UTF8.self)) : nil
    }
}

/// Days that statistics are asked of.
package struct StatisticsPeriod: Hashable, Sendable {
    /// Days that a period has at most.
    package static let longest: Int64 = 400

    package let since: CalendarDay
    /// Not before `since`.
    package let until: CalendarDay

    /// nil when it ends before it begins, or is too long.
    package init?(since: CalendarDay, until: CalendarDay) {
        guard since <= until, until.number - since.number < Self.longest else { return nil }
        (self.since, self.until) = (since, until)
    }

    /// Every day, the first one first.
    package var days: [CalendarDay] { (since.number...until.number).map { CalendarDay(number: $0) } }
}

/// What one step of counting did.
package struct CountingStep: Hashable, Sendable {
    /// Trace events that were counted, those of domains elsewhere among them.
    package var events: Int
    /// Whether there is nothing more to count now.
    package var isLast: Bool
    package init(events: Int, isLast: Bool) { (self.events, self.isLast) = (events, isLast) }
}

/// Counts of mail by domain and day, made of trace events after they were written.
///
/// Each event is counted once, or not at all when the trace was pruned of it before. Nothing on the way of a message knows of
/// it. Domains are counted while they are hosted, from the moment on that they were added.
package protocol StatisticsStore: Sendable {
    /// Counts some events behind those that were counted before, and moves the position in the same transaction.
    ///
    /// - Parameter limit: events of one step.
    func countEvents(limit: Int, now: Timestamp) async throws(StoreError) -> CountingStep
    /// When the oldest event happened that is not counted; nil when there is none.
    func oldestUncounted() async throws(StoreError) -> Timestamp?
    /// Days of a domain on which there was something.
    func counts(ofDomain name: String, _ period: StatisticsPeriod) async throws(StoreError) -> [CalendarDay: MailCounts]
    /// - Returns: how many rows went, at most the limit.
    func removeCounts(before day: CalendarDay, limit: Int) async throws(StoreError) -> Int
}
