import MailModel
import MailPorts
import SieveScript

/// What an account's script wants of one copy, in terms of the account's mailboxes.
struct ScriptDecision: Sendable {
    struct Place: Sendable {
        var mailbox: MailboxTarget
        /// As people know it.
        var name: String
        var marks: Filing.Marks
        /// Changes of the header of the copy that lies there.
        var edits: [SieveHeaderEdit]
    }

    struct Redirect: Sendable {
        var address: String
        var edits: [SieveHeaderEdit]
    }

    var places: [Place] = []
    var redirects: [Redirect] = []
    var refusal: (text: String, isExtended: Bool)?
    var vacations: [SieveVacation] = []
    /// The script said so itself.
    var isDiscarded = false
    /// It named a mailbox that is not there.
    var isMisfiled = false

    init() {}

    /// - Parameter place: where a filing goes; nil where there is no such mailbox, and the inbox takes it.
    init(
        _ outcome: SieveOutcome,
        place: (SieveFiling) async throws(StoreError) -> MailboxTarget?
    ) async throws(StoreError) {
        var edits: [SieveHeaderEdit] = []
        for action in outcome.actions {
            switch action {
            case .keep(let flags): keep(flags, edits)
            case .fileInto(let filing):
                if let mailbox = try await place(filing) {
                    add(Place(mailbox: mailbox, name: filing.mailbox, marks: Self.marks(filing.flags), edits: edits))
                } else {
                    isMisfiled = true
                    keep(filing.flags, edits)
                }
            case .redirect(let redirect): redirects.append(Redirect(address: redirect.address, edits: edits))
            case .discard: isDiscarded = true
            case .reject(let text, let isExtended): refusal = (text, isExtended)
            case .vacation(let vacation): vacations.append(vacation)
            case .edit(let edit): edits.append(edit)
            }
        }
    }

    private static func marks(_ flags: [String]?) -> Filing.Marks {
        flags.map { ScriptMarks.marks($0) } ?? Filing.Marks()
    }

    mutating func keep(_ flags: [String]? = nil, _ edits: [SieveHeaderEdit] = []) {
        add(Place(mailbox: .inbox, name: "INBOX", marks: Self.marks(flags), edits: edits))
    }

    /// A mailbox has one copy, with the flags of all (RFC 5228 §2.10.3).
    private mutating func add(_ place: Place) {
        if let known = places.firstIndex(where: { $0.mailbox == place.mailbox }) {
            places[known].marks.add(place.marks)
        } else {
            places.append(place)
        }
    }
}
