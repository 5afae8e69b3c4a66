package import MailModel
package import MailPorts

extension MailboxAccess {
    /// Flags that the rights in the mailbox do not allow are left out (RFC 4314 §4: APPEND does not fail for them).
    package func append(_ items: [AppendItem], to place: MailboxPlace) async throws(AccessFailure) -> AppendReceipt {
        let place = try await look(at: place, to: .append)
        var items = items
        let scope = place.rights.flags
        if scope != .all {
            for index in items.indices {
                items[index].flags.formIntersection(scope.flags)
                if !scope.hasKeywords { items[index].keywords = .none }
            }
        }
        let kept = items
        return try await stored { () throws(StoreError) in
            try await store.append(kept, to: place.id, of: place.owner)
        }
    }

    package func copy(
        _ uids: UIDRanges,
        from source: MailboxPlace,
        to target: MailboxPlace
    ) async throws(AccessFailure) -> CopyReceipt {
        let source = try await look(at: source, to: .copyFrom)
        let target = try await look(at: target, to: .copyTo)
        guard !source.isOwn || !target.isOwn else {
            return try await stored { () throws(StoreError) in
                try await store.copy(uids, from: source.id, to: target.id, of: reader)
            }
        }
        return try await transfer(uids, source, target, isMove: false)
    }

    package func move(
        _ uids: UIDRanges,
        from source: MailboxPlace,
        to target: MailboxPlace
    ) async throws(AccessFailure) -> CopyReceipt {
        let source = try await look(at: source, to: .moveFrom)
        let target = try await look(at: target, to: .moveTo)
        guard !source.isOwn || !target.isOwn else {
            return try await stored { () throws(StoreError) in
                try await store.move(uids, from: source.id, to: target.id, of: reader)
            }
        }
        return try await transfer(uids, source, target, isMove: true)
    }

    private func transfer(
        _ uids: UIDRanges,
        _ source: MailboxPlace,
        _ target: MailboxPlace,
        isMove: Bool
    ) async throws(AccessFailure) -> CopyReceipt {
        try await stored { () throws(StoreError) in
            try await sharing.transfer(
                MessageTransfer(
                    uids,
                    from: source.id,
                    of: source.owner,
                    to: target.id,
                    of: target.owner,
                    keeps: target.rights.flags,
                    isMove: isMove,
                    mostAcross: Self.maximumAcross
                )
            )
        }
    }

    /// Changes the flags that the rights allow; `.notPermitted` where they allow none of the change (RFC 4314 §4).
    package func setFlags(
        _ uids: UIDRanges,
        in place: MailboxPlace,
        mode: FlagChange.Mode,
        flags: MessageFlags,
        keywords: Keywords,
        unchangedSince: ModSeq?
    ) async throws(AccessFailure) -> StoreOutcome {
        let place = try await look(at: place, to: .read)
        let scope = place.rights.flags
        let change = FlagChange(mode: mode, flags: flags, keywords: keywords, within: scope)
        let isNothing = mode == .replace ? scope.isEmpty : change.flags.isEmpty && change.keywords.isEmpty
        let askedNothing = mode != .replace && flags.isEmpty && keywords.isEmpty
        guard !isNothing || askedNothing else { throw .notPermitted }
        return try await stored { () throws(StoreError) in
            try await store.setFlags(
                uids,
                in: place.id,
                of: place.owner,
                change: change,
                unchangedSince: unchangedSince
            )
        }
    }

    /// Removes messages with `\Deleted`.
    package func expunge(_ uids: UIDRanges, in place: MailboxPlace) async throws(AccessFailure) {
        let place = try await look(at: place, to: .expunge)
        _ = try await stored { () throws(StoreError) in
            try await store.expunge(uids, in: place.id, of: place.owner)
        }
    }

    /// What CLOSE does: nothing where the rights do not allow it (RFC 4314 §4).
    package func expungeIfAllowed(_ place: MailboxPlace) async throws(AccessFailure) {
        do throws(AccessFailure) {
            try await expunge(.all, in: place)
        } catch .notPermitted {
            // The mailbox is closed all the same.
            ()
        } catch .store(.notFound) where !place.isOwn {
            ()
        } catch {
            throw error
        }
    }
}
