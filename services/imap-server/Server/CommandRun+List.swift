import IMAPWire
import MailModel
import MailPorts
import MailboxEngine
import NIOCore

/// A name that LIST may show.
private struct ListedName {
    var name: String
    /// nil: there is no mailbox of that name, only some below it, or a subscription.
    var record: MailboxRecord? { place?.record }
    var place: MailboxPlace?
    var isSubscribed = false
    var hasChildren = false
    /// RFC 5258 §4: a mailbox below it meets the selection, though it does not itself.
    var hasSelectedChild = false
}

extension CommandRun {
    /// RFC 9051 §6.3.9 with RFC 5258, RFC 5819 and RFC 6154.
    func list(_ command: ListCommand) async throws(CommandFailure) -> Completion {
        if !command.isExtended, command.patterns == [""] {
            // The separator and the root of the reference.
            out.text("* LIST (\\Noselect) \"/\" \"\"\r\n")
            return .ok("LIST completed")
        }
        let texts = command.patterns.map { command.reference + $0 }
        let names = try await names(
            withSubscriptions: command.selectsSubscribed || command.returnsSubscribed,
            matching: texts
        )
        let patterns = texts.map { MailboxPattern($0) }
        for name in names where patterns.contains(where: { $0.matches(name.name) }) {
            guard isSelected(name, command) else { continue }
            write(name, command)
            // RFC 8440 §3.
            if let place = name.place, command.returnsMyRights { writeRights(place) }
            // RFC 5819 §2: no STATUS of what cannot be selected.
            if let place = name.place, !command.returnsStatus.isEmpty,
                MailboxOperation.status.isAllowed(by: place.rights)
            {
                let deleted = try await deletedStorage(of: place, command.returnsStatus)
                writeStatus(place.record, command.returnsStatus, deletedStorage: deleted)
            }
            if out.buffer.readableBytes > 128 << 10 { try await flush() }
        }
        return .ok("LIST completed")
    }

    private func isSelected(_ name: ListedName, _ command: ListCommand) -> Bool {
        let isMet =
            (!command.selectsSubscribed || name.isSubscribed)
            && (!command.selectsSpecialUse || name.record?.specialUse != nil)
        if isMet { return name.record != nil || name.hasChildren || name.isSubscribed && command.selectsSubscribed }
        return command.isRecursiveMatch && command.selectsSubscribed && name.hasSelectedChild
    }

    private func write(_ name: ListedName, _ command: ListCommand) {
        var attributes: [String] = []
        if name.record == nil { attributes += command.isExtended ? ["\\NonExistent"] : ["\\Noselect"] }
        attributes.append(name.hasChildren ? "\\HasChildren" : "\\HasNoChildren")
        if name.isSubscribed, command.selectsSubscribed || command.returnsSubscribed {
            attributes.append("\\Subscribed")
        }
        if let use = name.record?.specialUse { attributes.append(use.attribute) }
        out.text("* LIST (\(attributes.joined(separator: " "))) \"/\" ")
        out.mailbox(name.name)
        if command.isRecursiveMatch, command.selectsSubscribed, name.hasSelectedChild {
            out.text(" (\"CHILDINFO\" (\"SUBSCRIBED\"))")
        }
        out.line()
    }

    /// RFC 3501 §6.3.9: subscribed names; `%` also shows a parent that is not subscribed when one below it is.
    func lsub(_ reference: String, _ pattern: String) async throws(CommandFailure) -> Completion {
        let names = try await names(withSubscriptions: true, matching: [reference + pattern])
        let matcher = MailboxPattern(reference + pattern)
        let endsInPercent = pattern.utf8.last == 37
        for name in names where matcher.matches(name.name) {
            guard name.isSubscribed || endsInPercent && name.hasSelectedChild else { continue }
            out.text(name.isSubscribed && name.record != nil ? "* LSUB () \"/\" " : "* LSUB (\\Noselect) \"/\" ")
            out.mailbox(name.name)
            out.line()
        }
        return .ok("LSUB completed")
    }

    /// Mailboxes, names that others are below, and subscribed names; INBOX first, then by name.
    ///
    /// What others share is asked for only where a pattern reaches there.
    private func names(
        withSubscriptions: Bool,
        matching patterns: [String]
    ) async throws(CommandFailure) -> [ListedName] {
        let records = try await attempt { () throws(StoreError) in try await access.ownMailboxes() }
        let subscriptions =
            withSubscriptions
            ? try await attempt { () throws(StoreError) in try await access.subscriptions() } : []
        var listed: [String: ListedName] = [:]
        for record in records {
            listed[record.name] = ListedName(name: record.name, place: MailboxPlace(own: record, of: account))
        }
        if patterns.contains(where: { SharedName.mayMatch($0) }) {
            let places = try await attempt { () throws(StoreError) in try await access.sharedMailboxes() }
            for place in places { listed[place.name] = ListedName(name: place.name, place: place) }
        }
        for name in subscriptions { listed[name, default: ListedName(name: name)].isSubscribed = true }
        for (name, entry) in listed {
            let isMailbox = entry.record != nil
            for parent in Self.parents(of: name) {
                listed[parent, default: ListedName(name: parent)].hasChildren =
                    isMailbox || listed[parent]?.hasChildren == true
                if entry.isSubscribed { listed[parent]?.hasSelectedChild = true }
            }
        }
        return listed.values.sorted { left, right in
            if (left.name == "INBOX") != (right.name == "INBOX") { return left.name == "INBOX" }
            return Array(left.name.utf8).lexicographicallyPrecedes(Array(right.name.utf8))
        }
    }

    /// `a/b/c` is below `a/b` and `a`.
    private static func parents(of name: String) -> [String] {
        let bytes = Array(name.utf8)
        return bytes.indices.filter { bytes[$0] == 47 && $0 > 0 }.map { String(decoding: bytes[..<$0], as: UTF8.self) }
    }
}
