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
            let existing = try await attempt { () throws(StoreError) in try await store.mailboxes(of: account) }
            guard !existing.contains(where: { $0.specialUse == uses[0] }) else {
                throw .no(code: "USEATTR", "Another mailbox has that special use")
            }
        }
        _ = try await attempt { () throws(StoreError) in
            try await store.create(name, specialUse: uses.first, of: account)
        }
        return .ok("CREATE completed")
    }

    /// RFC 9051 §6.3.5: children stay, and with them the name as one that cannot be selected.
    func delete(_ name: String) async throws(CommandFailure) -> Completion {
        let record = try await attempt { () throws(StoreError) in try await store.mailbox(named: name, of: account) }
        try await attempt { () throws(StoreError) in try await store.delete(record.id, of: account) }
        if let selected = session.selected, selected.id == record.id {
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
        try await attempt { () throws(StoreError) in try await store.rename(name, to: newName, of: account) }
        return .ok("RENAME completed")
    }

    /// RFC 9051 §6.3.7, §6.3.8: names that do not exist may be subscribed to.
    func subscribe(_ name: String, _ isSubscribed: Bool) async throws(CommandFailure) -> Completion {
        try await attempt { () throws(StoreError) in try await store.setSubscribed(name, isSubscribed, of: account) }
        return .ok("\(isSubscribed ? "SUBSCRIBE" : "UNSUBSCRIBE") completed")
    }

    /// RFC 9051 §6.3.11.
    func status(_ name: String, _ items: [StatusItem]) async throws(CommandFailure) -> Completion {
        let record = try await attempt { () throws(StoreError) in try await store.mailbox(named: name, of: account) }
        writeStatus(record, items)
        return .ok("STATUS completed")
    }

    func writeStatus(_ record: MailboxRecord, _ items: [StatusItem]) {
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
