import MailCrypto
import MailModel
package import MailPorts

/// What writing a domain's records would change of its zone, and what it would leave.
package struct ZonePlan: Sendable {
    package enum Action: String, Sendable, CaseIterable {
        case add, replace, remove
        /// It is there, in our words or in the owner's own.
        case keep
        /// Something of somebody else's is there, and stays until it is asked for that it be replaced.
        case conflict
    }

    package struct Step: Hashable, Sendable {
        package var action: Action
        package var name: String
        package var kind: DNSRecordKind
        package var purpose: String
        package var before: [String]
        /// nil for what is removed.
        package var after: String?
        package var reason: String

        /// By which a conflict is named: `spf/shop.test`.
        package var id: String { "\(purpose)/\(name)" }
    }

    package var zone: String
    package var domain: String
    package var steps: [Step] = []
    /// With what must be true of the zone for it.
    package var change = ZoneChange()
    /// Another text where something else is wanted.
    var wanted = ""
    /// Records that were written here and are in the zone no more.
    var gone: [ZoneRecord] = []
    /// Records that were about to be written when nothing more was heard, and are there.
    var found: [ZoneRecord] = []

    package var conflicts: [Step] { steps.filter { $0.action == .conflict } }

    /// The same for the same change of the same zone: what was shown is what is written.
    package var id: String {
        var text = "\(zone)\n\(domain)\n"
        for requirement in change.requirements {
            switch requirement {
            case .unused(let name): text += "unused \(name)\n"
            case .absent(let set): text += "absent \(set.name) \(set.kind.rawValue)\n"
            case .exactly(let set, let records):
                text += "exactly \(set.name) \(set.kind.rawValue) \(records.map(Self.line).sorted())\n"
            }
        }
        text += "- \(change.removals.map(Self.line))\n+ \(change.additions.map(Self.line))"
        return Base64URL.encode(Array(SHA256.hash(Array(text.utf8)).prefix(15)))
    }

    static func line(_ record: ZoneRecord) -> String {
        "\(record.set.name) \(record.set.kind.rawValue) \(record.value)"
    }
}
