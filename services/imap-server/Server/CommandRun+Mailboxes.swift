import IMAPWire
import MailModel
import MailPorts
import MailboxEngine

extension CommandRun {
    /// RFC 9051 §6.3.4, RFC 6154 §3.
    func create(_ name: String, _ uses: [SpecialUse]) async throws(CommandFailure) -> Completion {
        var name = name
        // A trailing separator only says that names below it will come.
        if name.utf8.last == 47, name.utf8.count > 1 { name = String(decoding: name.utf8.dropLast(), as: UTF8.self) }
        if !uses.isEmpty {
            // RFC 6154 §3: one use of a mailbox, one mailbox of a use; views over all mail are none of ours.
            guard uses.count == 1, uses[0] != .all, uses[0] != .flagged else {
                throw .no(code: "USEATTR", "Mailboxes of that use cannot be made")
            }
            let existing = try await attempt { () throws(StoreError) in try await access.ownMailboxes() }
            guard !existing.contains(where: { $0.specialUse == uses[0] }) else {
                throw .no(code: "USEATTR", "Another mailbox has that special use")
            }
        }
        let made = name
        try await permitted { () throws(AccessFailure) in try await access.create(made, specialUse: uses.first) }
        return .ok("CREATE completed")
    }

    /// RFC 9051 §6.3.5: children stay, and with them the name as one that cannot be selected.
    func delete(_ name: String) async throws(CommandFailure) -> Completion {
        let place = try await permitted { () throws(AccessFailure) in try await access.delete(name) }
        if let selected = session.selected, selected.place.id == place.id, selected.place.owner == place.owner {
            services.indexes.forget(selected.lease.index)
            leave()
            out.status(nil, .ok, code: "CLOSED", "The selected mailbox is deleted")
        }
        return .ok("DELETE completed")
    }

    /// RFC 9051 §6.3.6.
    func rename(_ name: String, to newName: String) async throws(CommandFailure) -> Completion {
        var newName = newName
        if newName.utf8.last == 47, newName.utf8.count > 1 {
            newName = String(decoding: newName.utf8.dropLast(), as: UTF8.self)
        }
        let target = newName
        try await permitted { () throws(AccessFailure) in try await access.rename(name, to: target) }
        return .ok("RENAME completed")
    }

    /// RFC 9051 §6.3.7, §6.3.8: names that do not exist may be subscribed to.
    func subscribe(_ name: String, _ isSubscribed: Bool) async throws(CommandFailure) -> Completion {
        try await attempt { () throws(StoreError) in try await access.setSubscribed(name, isSubscribed) }
        return .ok("\(isSubscribed ? "SUBSCRIBE" : "UNSUBSCRIBE") completed")
    }

    /// RFC 9051 §6.3.11.
    func status(_ name: String, _ items: [StatusItem]) async throws(CommandFailure) -> Completion {
        let place = try await permitted { () throws(AccessFailure) in try await access.find(name, to: .status) }
        writeStatus(place.record, items, deletedStorage: try await deletedStorage(of: place, items))
        return .ok("STATUS completed")
    }

    func writeStatus(_ record: MailboxRecord, _ items: [StatusItem], deletedStorage: Int?) {
        out.text("* STATUS ")
        out.mailbox(record.name)
        out.text(" (")
        for (place, item) in items.enumerated() {
            if place > 0 { out.text(" ") }
            out.text(item.rawValue + " ")
            switch item {
            case .messages: out.number(record.messages)
            case .uidNext: out.number(record.uidNext.rawValue)
            case .uidValidity: out.number(record.uidValidity.rawValue)
            case .unseen: out.number(max(0, record.unseen))
            case .deleted: out.number(max(0, record.deleted))
            case .deletedStorage: out.number(deletedStorage ?? 0)
            case .size: out.number(max(0, record.size))
            case .recent: out.number(0)
            case .highestModSeq: out.number(record.highestModSeq.rawValue)
            case .mailboxID: out.text("(F\(record.id))")
            case .appendLimit: out.number(services.configuration.appendLimit)
            }
        }
        out.text(")\r\n")
    }
}
