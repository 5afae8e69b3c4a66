import IMAPWire
import MailModel
import MailPorts
import MailboxEngine

extension CommandRun {
    /// SELECT and EXAMINE (RFC 9051 §6.3.2, §6.3.3).
    func select(_ name: String, isReadOnly: Bool) async throws(CommandFailure) -> Completion {
        // RFC 9051 §6.3.2: whatever comes of it, the mailbox selected before is no longer.
        if session.selected != nil { out.status(nil, .ok, code: "CLOSED", "The previous mailbox is closed") }
        leave()
        let place = try await permitted { () throws(AccessFailure) in try await access.find(name, to: .select) }
        var lease = services.indexes.lease(place.id, of: place.owner)
        var found = await current(lease)
        if case .failure(.notFound) = found {
            // The index knew an older mailbox of that number.
            services.indexes.forget(lease.index)
            lease = services.indexes.lease(place.id, of: place.owner)
            found = await current(lease)
        }
        let snapshot: MailboxSnapshot
        switch found {
        case .success(let current): snapshot = current
        case .failure(let error): throw .store(error)
        }
        let selected = SelectedMailbox(
            place: place,
            isReadOnly: isReadOnly,
            lease: lease,
            view: MailboxView(snapshot)
        )
        session.selected = selected
        describe(selected, snapshot)
        // RFC 4314 §5.2.
        return .ok(
            code: isReadOnly || !place.isWritable ? "READ-ONLY" : "READ-WRITE",
            "\(isReadOnly ? "EXAMINE" : "SELECT") completed"
        )
    }

    private func current(_ lease: MailboxLease) async -> Result<MailboxSnapshot, StoreError> {
        do throws(StoreError) {
            return .success(try await lease.index.current(asksStore: true))
        } catch {
            return .failure(error)
        }
    }

    private func describe(_ selected: SelectedMailbox, _ snapshot: MailboxSnapshot) {
        let keywords = snapshot.keywordsInUse
        let system: MessageFlags = [.answered, .flagged, .deleted, .seen, .draft]
        out.text("* FLAGS ")
        out.flags(system, keywords)
        out.line()
        var permanent = "()"
        if !selected.isReadOnly {
            let scope = selected.place.rights.flags
            var names = [
                (MessageFlags.answered, "\\Answered"), (.flagged, "\\Flagged"), (.deleted, "\\Deleted"),
                (.seen, "\\Seen"), (.draft, "\\Draft"),
            ].filter { scope.flags.contains($0.0) }.map(\.1)
            if scope.hasKeywords { names += keywords.names + ["\\*"] }
            permanent = "(\(names.joined(separator: " ")))"
        }
        out.status(nil, .ok, code: "PERMANENTFLAGS \(permanent)", "Flags that are kept")
        out.exists(selected.view.count)
        if !session.isRev2 {
            out.text("* 0 RECENT\r\n")
            if let unseen = snapshot.firstUnseen {
                out.status(nil, .ok, code: "UNSEEN \(unseen + 1)", "The first unseen message")
            }
        }
        out.status(nil, .ok, code: "UIDVALIDITY \(snapshot.record.uidValidity.rawValue)", "UIDs are valid")
        out.status(nil, .ok, code: "UIDNEXT \(snapshot.record.uidNext)", "The next UID")
        out.status(nil, .ok, code: "HIGHESTMODSEQ \(snapshot.modSeq)", "The highest modification sequence")
        if session.isRev2 {
            out.text("* LIST () \"/\" ")
            out.mailbox(selected.place.isOwn ? snapshot.record.name : selected.place.name)
            out.line()
        }
    }

    func leave() {
        session.selected = nil
        // RFC 5182 §2.1: the saved result is of the selected mailbox.
        session.saved = []
    }

    /// RFC 9051 §6.4.1: expunges without telling, unless read-only.
    func close() async throws(CommandFailure) -> Completion {
        let selected = try selected()
        if !selected.isReadOnly {
            try await permitted { () throws(AccessFailure) in try await access.expungeIfAllowed(selected.place) }
        }
        leave()
        return .ok("CLOSE completed")
    }
}
