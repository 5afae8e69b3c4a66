package import MailModel
import MailPorts

/// What became of one expected record.
package enum RecordStatus: String, Sendable, CaseIterable, Comparable {
    case ok
    /// Something that mail does without is missing or differs.
    case advised
    /// DNS did not answer: nothing is known.
    case unreachable
    case differs
    case missing

    private var rank: Int {
        switch self {
        case .ok: 0
        case .advised: 1
        case .unreachable: 2
        case .differs: 3
        case .missing: 4
        }
    }
    package static func < (left: RecordStatus, right: RecordStatus) -> Bool { left.rank < right.rank }
}

/// One record: what should be published, and what is.
package struct RecordCheck: Sendable {
    package var record: DomainRecord
    package var status: RecordStatus
    /// Records of that name, type and purpose, as a zone file writes them after the type; printable, cut.
    package var found: [String]
    /// Seconds; nil when nothing was found.
    package var ttl: Int?
    /// Whether DNSSEC validated the answer.
    package var isAuthentic: Bool
    /// A sentence for the owner: what to do.
    package var advice: String
}

/// All records of a domain at one moment.
package struct DomainReport: Sendable {
    package var domain: String
    package var checkedAt: Timestamp
    /// Which server was asked.
    package var resolver: String
    package var records: [RecordCheck]

    /// The worst of its records.
    package var status: RecordStatus { records.map(\.status).max() ?? .ok }

    /// One line for each record whose state matters to the owner: two reports with the same text tell the same.
    package var fingerprint: String {
        records.map { "\($0.record.purpose.rawValue) \($0.record.name) \($0.status.rawValue)" }.joined(separator: "\n")
    }
}
