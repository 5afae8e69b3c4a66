import MailModel
package import MailPorts
import MessageFormat
import NIOCore
import SieveScript

/// Runs a script over mail that is stored already, a portion at a time.
///
/// Invariants: nothing is destroyed, answered, refused or sent on; what a portion does is written in one transaction, or not at all.
package struct ScriptPass: Sendable {
    /// Messages of one portion.
    package static let portion = 100
    /// Octets that one portion reads; the last message may go beyond.
    static let octets = 64 << 20

    private let runner: ScriptRunner
    private let store: any ScriptStore
    private let mailboxes: any MailboxStore
    private let directory: any DirectoryStore
    private let hostname: String

    package init(
        runner: ScriptRunner,
        store: any ScriptStore,
        mailboxes: any MailboxStore,
        directory: any DirectoryStore,
        hostname: String
    ) {
        self.runner = runner
        self.store = store
        self.mailboxes = mailboxes
        self.directory = directory
        self.hostname = hostname
    }

    /// - Parameter audit: written with what is done; its detail is made here.
    /// - Throws: `.notFound` when there is no such mailbox, or it was made anew since the last portion.
    @concurrent
    package func run(
        _ script: StoredScript,
        of account: Account,
        _ request: Request,
        audit: AuditEvent
    ) async throws(StoreError) -> Report {
        let list = try await mailboxes.mailboxes(of: account.id)
        let known = ScriptMailboxes(list)
        guard let id = known.named(request.mailbox), let mailbox = list.first(where: { $0.id == id }) else {
            throw .notFound
        }
        if let after = request.after, after.validity != mailbox.uidValidity { throw .notFound }
        var search = request.search
        search.after = request.after?.uid
        search.limit = min(max(1, search.limit), Self.portion)
        let entries = try await store.messages(search, in: id, of: account.id)
        let addresses = try await directory.sendingAddresses(of: account.id)
        let ready = runner.ready(script, of: account.id)
        var report = Report(script: script.entry.name, mailbox: mailbox.name, isDry: request.isDry)
        var filings: [Filing] = []
        var read = 0
        var last: UID?
        for entry in entries where read < Self.octets {
            read += entry.size
            last = entry.uid
            guard let octets = try await octets(of: entry, account.id) else { continue }
            var facts = facts(octets, entry, audit.at, account)
            facts.addresses = addresses.map(\.description)
            known.tell(&facts)
            var message = Message(uid: entry.uid, steps: [])
            switch try await runner.run(ready, on: ScriptMessage(octets), facts, of: account.id, isDelivery: false) {
            case .failure(let failure):
                message.steps = [Step(action: .failed, target: "Line \(failure.line): \(failure.sentence)")]
                report.failed += 1
            case .success(let outcome):
                message.steps = outcome.actions.map(Self.step)
                report.leftOut += message.steps.count { Self.isLeftOut($0.action) }
                let filing = try await filing(outcome, entry, mailbox, known, account.id, request.isDry)
                Self.count(filing, outcome, &report)
                if !filing.isNothing { filings.append(filing) }
            }
            report.messages.append(message)
        }
        if let last, last != entries.last?.uid || entries.count == search.limit {
            report.next = Place(validity: mailbox.uidValidity, uid: last)
        }
        guard !request.isDry else { return report }
        var audit = audit
        audit.detail = Self.detail(report)
        _ = try await store.file(filings, in: id, of: account.id, audit: audit)
        return report
    }

    /// nil: it is gone meanwhile.
    private func octets(of entry: MessageEntry, _ account: AccountID) async throws(StoreError) -> [UInt8]? {
        do throws(StoreError) {
            let bytes = try await mailboxes.read(entry.email, of: account, range: 0..<entry.size)
            return Array(bytes.readableBytesView)
        } catch .notFound {
            return nil
        }
    }

    /// The envelope is what delivery wrote of it into the message.
    private func facts(_ octets: [UInt8], _ entry: MessageEntry, _ now: Timestamp, _ account: Account) -> SieveFacts {
        var facts = SieveFacts(now: now)
        let header = HeaderBlock(octets)
        facts.envelopeFrom = header.values("return-path").first.map { path in
            String(decoding: path.filter { $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">") }, as: UTF8.self)
        }
        facts.envelopeTo = header.values("delivered-to").first.map { String(decoding: $0, as: UTF8.self) }
        facts.flags = ScriptMarks.names(entry.flags, entry.keywords)
        // RFC 5183 §4.1.
        facts.environment = [
            "domain": account.primaryAddress.domain, "host": hostname, "location": "MS", "name": "oonrumail",
            "phase": "post",
        ]
        return facts
    }

    // MARK: - What is done

    private static func isLeftOut(_ action: Step.Action) -> Bool {
        switch action {
        case .redirect, .reject, .vacation, .edit: true
        case .keep, .fileinto, .discard, .failed: false
        }
    }

    private static func step(_ action: SieveAction) -> Step {
        switch action {
        case .keep(let flags): Step(action: .keep, flags: flags ?? [])
        case .fileInto(let filing): Step(action: .fileinto, target: filing.mailbox, flags: filing.flags ?? [])
        case .redirect(let redirect): Step(action: .redirect, target: redirect.address)
        case .discard: Step(action: .discard)
        case .reject: Step(action: .reject)
        case .vacation: Step(action: .vacation)
        case .edit: Step(action: .edit)
        }
    }

    /// A keep leaves it where it is; what only discards goes to the trash; all else that is no filing changes nothing.
    private func filing(
        _ outcome: SieveOutcome,
        _ entry: MessageEntry,
        _ mailbox: MailboxRecord,
        _ known: ScriptMailboxes,
        _ account: AccountID,
        _ isDry: Bool
    ) async throws(StoreError) -> Filing {
        var filing = Filing(uid: entry.uid, stays: false)
        var isDiscarded = false
        for action in outcome.actions {
            switch action {
            case .keep(let flags):
                filing.stays = true
                filing.marks.add(ScriptMarks.marks(flags ?? []))
            case .fileInto(let wanted):
                let marks = ScriptMarks.marks(wanted.flags ?? [])
                let place = try await place(of: wanted, known, account, isDry)
                if place == nil || place == mailbox.id {
                    filing.stays = true
                    filing.marks.add(marks)
                } else if let place {
                    Self.add(Filing.Place(mailbox: place, marks: marks), to: &filing)
                }
            case .discard: isDiscarded = true
            case .redirect, .reject: filing.stays = true
            case .vacation, .edit: ()
            }
        }
        guard filing.places.isEmpty, !filing.stays else { return filing }
        filing.stays = true
        guard isDiscarded, mailbox.specialUse != .trash else { return filing }
        let trash = SieveFiling.trash
        guard let place = try await place(of: trash, known, account, isDry), place != mailbox.id else { return filing }
        filing.stays = false
        filing.places = [Filing.Place(mailbox: place)]
        return filing
    }

    private static func add(_ place: Filing.Place, to filing: inout Filing) {
        if let known = filing.places.firstIndex(where: { $0.mailbox == place.mailbox }) {
            filing.places[known].marks.add(place.marks)
        } else {
            filing.places.append(place)
        }
    }

    /// A dry run makes no mailbox: what would be filed into a new one counts as moved.
    private func place(
        of filing: SieveFiling,
        _ known: ScriptMailboxes,
        _ account: AccountID,
        _ isDry: Bool
    ) async throws(StoreError) -> MailboxID? {
        if isDry, known.existing(filing) == nil { return filing.isCreated ? .unmade : nil }
        switch try await known.place(of: filing, of: account, in: mailboxes) {
        case .mailbox(let id): return id
        case .inbox: return known.inbox
        case .specialUse, nil: return nil
        }
    }

    private static func count(_ filing: Filing, _ outcome: SieveOutcome, _ report: inout Report) {
        let places = filing.places.count
        let isTrashed =
            !filing.stays && outcome.actions.contains(.discard) && !outcome.actions.contains(where: \.isFiling)
        if isTrashed {
            report.discarded += 1
        } else if !filing.stays, places > 0 {
            report.moved += 1
        }
        report.copied += max(0, places - (filing.stays ? 0 : 1))
        if !filing.marks.isEmpty || filing.places.contains(where: { !$0.marks.isEmpty }) { report.marked += 1 }
    }

    private static func detail(_ report: Report) -> String {
        AuditDetail().adding("script", report.script).adding("mailbox", report.mailbox)
            .adding("examined", Int64(report.messages.count)).adding("moved", Int64(report.moved))
            .adding("copied", Int64(report.copied)).adding("marked", Int64(report.marked))
            .adding("discarded", Int64(report.discarded)).adding("failed", Int64(report.failed)).text
    }
}

extension SieveFiling {
    static let trash: SieveFiling = {
        var filing = SieveFiling(mailbox: "Trash")
        filing.specialUse = SpecialUse.trash.attribute
        filing.isCreated = true
        return filing
    }()
}

extension SieveAction {
    fileprivate var isFiling: Bool {
        guard case .fileInto = self else { return false }
        return true
    }
}

extension MailboxID {
    /// One that a dry run does not make.
    fileprivate static let unmade = MailboxID(-1)
}
