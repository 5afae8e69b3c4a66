package import MailModel

/// One line of the audit trail as it is kept.
package struct AuditRecord: Sendable {
    /// Grows with time.
    package var number: Int64
    /// The tenant that may read it; nil for the platform's operators only.
    package var organisation: OrganisationID?
    package var event: AuditEvent
    package init(number: Int64, organisation: OrganisationID?, event: AuditEvent) {
        self.number = number
        self.organisation = organisation
        self.event = event
    }
}

/// Which lines are asked for; nil: all.
package struct AuditFilter: Hashable, Sendable {
    package var organisation: OrganisationID?
    package var actor: String?
    /// A whole action, or its beginning up to a dot: `second_factor`.
    package var action: String?
    package var subject: String?
    package var since: Timestamp?
    package var until: Timestamp?
    package init() {}
}

/// A page of the trail; the newest first, unless asked otherwise.
package struct AuditListing: Listing {
    package enum Sort: String, ListSort {
        /// The order in which lines were written.
        case id
        package var isNumber: Bool { true }
    }
    package var filter: AuditFilter
    package var sort = Sort.id
    package var isDescending = true
    package var after: ListPosition?
    package var limit: Int
    package init(_ filter: AuditFilter = AuditFilter(), limit: Int) { (self.filter, self.limit) = (filter, limit) }
}

extension AuditRecord: Listed {
    package func place(by sort: AuditListing.Sort) -> ListPosition {
        switch sort {
        case .id: ListPosition(key: .number(number), tie: number)
        }
    }
}

/// A place in the chain: the number of a line and the hash over all up to it.
package struct AuditHead: Hashable, Sendable {
    package var number: Int64
    /// SHA-256, 32 octets.
    package var hash: [UInt8]
    package init(number: Int64, hash: [UInt8]) { (self.number, self.hash) = (number, hash) }
}

package struct AuditReport: Sendable {
    /// Lines that were checked.
    package var count = 0
    /// nil without any.
    package var head: AuditHead?
    /// The first line that is not as it was written; those behind it cannot be judged.
    package var broken: Int64?
    package init() {}
}

/// The audit trail: each line carries a hash of itself and of the line before, so that a change of any is found.
///
/// Whoever can write the database can also write it anew from some line on; against that an operator keeps a head
/// elsewhere and gives it to `verifyAudit`.
package protocol AuditStore: Sendable {
    func auditTrail(_ listing: AuditListing) async throws(StoreError) -> [AuditRecord]
    /// Checks the whole chain; `known` must be in it when given.
    func verifyAudit(known: AuditHead?) async throws(StoreError) -> AuditReport
}

extension AuditStore {
    /// The newest first, below a number.
    package func auditTrail(
        _ filter: AuditFilter,
        before number: Int64?,
        limit: Int
    ) async throws(StoreError) -> [AuditRecord] {
        var listing = AuditListing(filter, limit: limit)
        listing.after = number.map { ListPosition(key: .number($0), tie: $0) }
        return try await auditTrail(listing)
    }
}
