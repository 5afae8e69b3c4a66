import IMAPWire

extension CommandRun {
    /// Commands that need a signed-in session; the connection itself answers the others.
    func perform(_ command: TaggedCommand) async throws(CommandFailure) -> Completion {
        switch command.command {
        case .noop, .check:
            asksStore = true
            return .ok("\(command.command.name) completed")
        case .enable(let names): return enable(names)
        case .select(let name, let isReadOnly): return try await select(name.text, isReadOnly: isReadOnly)
        case .create(let name, let uses): return try await create(name.text, uses)
        case .delete(let name): return try await delete(name.text)
        case .rename(let name, let newName): return try await rename(name.text, to: newName.text)
        case .subscribe(let name): return try await subscribe(name.text, true)
        case .unsubscribe(let name): return try await subscribe(name.text, false)
        case .list(let list): return try await self.list(list)
        case .lsub(let reference, let pattern): return try await lsub(reference, pattern)
        case .namespace:
            namespace()
            return .ok("NAMESPACE completed")
        case .status(let name, let items): return try await status(name.text, items)
        case .getQuota(let root): return try await getQuota(root)
        case .getQuotaRoot(let name): return try await getQuotaRoot(name.text)
        case .setACL(let name, let change): return try await setACL(name.text, change)
        case .deleteACL(let name, let identifier): return try await deleteACL(name.text, identifier)
        case .getACL(let name): return try await getACL(name.text)
        case .listRights(let name, let identifier): return try await listRights(name.text, identifier)
        case .myRights(let name): return try await myRights(name.text)
        case .close: return try await close()
        case .unselect:
            _ = try selected()
            leave()
            return .ok("UNSELECT completed")
        case .expunge: return try await expunge(nil)
        case .uidExpunge(let set): return try await expunge(set)
        case .search(let search, let isUID): return try await self.search(search, isUID: isUID, tag: command.tag)
        case .fetch(let set, let items, let isUID): return try await fetch(set, items, isUID: isUID)
        case .store(let store, let isUID): return try await storeFlags(store, isUID: isUID)
        case .copy(let set, let name, let isUID): return try await copy(set, to: name.text, isUID: isUID)
        case .move(let set, let name, let isUID): return try await move(set, to: name.text, isUID: isUID)
        case .capability, .logout, .id, .startTLS, .authenticate, .login, .idle:
            throw .bad("\(command.command.name) is not possible now")
        }
    }

    /// RFC 9051 §6.3.1.
    private func enable(_ names: [String]) -> Completion {
        var enabled: [String] = []
        for name in names {
            switch name {
            case "IMAP4REV2":
                session.isRev2 = true
                session.isUTF8 = true
                enabled.append("IMAP4rev2")
            case "UTF8=ACCEPT":
                session.isUTF8 = true
                enabled.append("UTF8=ACCEPT")
            default: ()
            }
        }
        out.isUTF8 = session.isUTF8
        out.text("* ENABLED\(enabled.map { " " + $0 }.joined())\r\n")
        return .ok("ENABLE completed")
    }
}
