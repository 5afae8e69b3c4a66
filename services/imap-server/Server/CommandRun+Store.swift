import IMAPWire
import MailModel
import MailPorts
import MailboxEngine
import NIOCore

extension CommandRun {
    /// STORE (RFC 9051 §6.4.6, RFC 7162 §3.1.3).
    func storeFlags(_ command: StoreCommand, isUID: Bool) async throws(CommandFailure) -> Completion {
        mayExpunge = isUID
        let selected = try writable()
        let rows = try rows(command.set, isUID: isUID, in: selected)
        let ranges = selected.view.uidRanges(rows)
        guard !ranges.isEmpty else { return .ok("STORE completed") }
        let mode: FlagChange.Mode =
            switch command.mode {
            case .add: .add
            case .remove: .remove
            case .replace: .replace
            }
        let outcome = try await permitted { () throws(AccessFailure) in
            try await access.setFlags(
                ranges,
                in: selected.place,
                mode: mode,
                flags: command.flags.flags,
                keywords: Keywords(command.flags.keywords),
                unchangedSince: command.unchangedSince.map { ModSeq($0) }
            )
        }
        _ = selected.lease.index.apply(outcome)
        own = outcome.entries.map(\.modSeq).max()
        if !command.isSilent || command.unchangedSince != nil {
            try await answer(
                outcome,
                selected.view,
                isUID: isUID,
                withFlags: !command.isSilent,
                withModSeq: command.unchangedSince != nil
            )
        }
        let wanted = rows.reduce(0) { $0 + $1.count }
        if !outcome.modified.isEmpty {
            return .ok(
                code: "MODIFIED \(modified(outcome.modified, selected.view, isUID: isUID))",
                "Some messages changed before"
            )
        }
        if outcome.entries.count < wanted, !isUID {
            return .no(code: "EXPUNGEISSUED", "Some of the messages have been expunged")
        }
        return .ok("STORE completed")
    }

    private func answer(
        _ outcome: StoreOutcome,
        _ view: MailboxView,
        isUID: Bool,
        withFlags: Bool,
        withModSeq: Bool
    ) async throws(CommandFailure) {
        var writer = FetchWriter()
        var number = 0
        for entry in outcome.entries {
            let uid = entry.uid.rawValue
            // Entries ascend as rows do: mostly it is the next one.
            if number < view.count, view.uids[number] == uid {
                number += 1
            } else {
                guard let found = view.number(of: uid) else { continue }
                number = found
            }
            writer.begin(number)
            if isUID {
                writer.item("UID ")
                writer.number(Int(uid))
            }
            if withModSeq {
                writer.item("MODSEQ (")
                writer.number(Int(entry.modSeq.rawValue))
                writer.text(")")
            }
            if withFlags {
                writer.item("FLAGS ")
                writer.flags(entry.flags, entry.keywords)
            }
            writer.end()
            if writer.isFull { try await flush(&writer) }
        }
        out.bytes(writer.take())
    }

    private func modified(_ uids: [UID], _ view: MailboxView, isUID: Bool) -> String {
        var encoder = IMAPResponseEncoder()
        encoder.set(isUID ? uids.map(\.rawValue) : uids.compactMap { view.number(of: $0.rawValue).map(UInt32.init) })
        return String(buffer: encoder.buffer)
    }
}
