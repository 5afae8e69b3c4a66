package import MailModel
package import MailPorts

/// The platform's own mail to those who are responsible for an organisation.
package struct OwnerNotice: Sendable {
    /// Owners that one notice goes to.
    static let maximumOwners = 10

    let people: any PeopleStore
    let mail: any AccountNoticeSending

    package init(people: any PeopleStore, mail: any AccountNoticeSending) {
        self.people = people
        self.mail = mail
    }

    /// Delivers the text to the organisation's owners, or to its administrators when it has none.
    package func send(
        to organisation: OrganisationID,
        subject: String,
        text: String,
        now: Timestamp
    ) async throws(StoreError) {
        let readers = try await readers(of: organisation)
        guard !readers.isEmpty else { return }
        try await mail.send(to: readers, subject: subject, text: text, now: now)
    }

    /// The same, to be delivered with what it tells of; nil when there is nobody to tell.
    func plan(
        to organisation: OrganisationID,
        subject: String,
        text: String,
        now: Timestamp
    ) async throws(StoreError) -> DeliveryPlan? {
        try await plan(to: readers(of: organisation), subject: subject, text: text, now: now)
    }

    /// To the platform's administrators, for what is no organisation's.
    func planToOperators(subject: String, text: String, now: Timestamp) async throws(StoreError) -> DeliveryPlan? {
        let operators = try await people.platformAdministrators(limit: Self.maximumOwners)
        return try await plan(to: operators, subject: subject, text: text, now: now)
    }

    func plan(
        to readers: [Account],
        subject: String,
        text: String,
        now: Timestamp
    ) async throws(StoreError) -> DeliveryPlan? {
        guard !readers.isEmpty else { return nil }
        return try await mail.plan(to: readers, subject: subject, text: text, now: now)
    }

    private func readers(of organisation: OrganisationID) async throws(StoreError) -> [Account] {
        try await people.responsible(for: organisation, limit: Self.maximumOwners)
    }
}
