import IMAPWire
import MailModel
import MailPorts
import MailboxEngine
import NIOCore

extension CommandRun {
    /// COPY (RFC 9051 §6.4.7).
    func copy(_ set: SequenceSet, to name: String, isUID: Bool) async throws(CommandFailure) -> Completion {
        let selected = try selected()
        let ranges = selected.view.uidRanges(try rows(set, isUID: isUID, in: selected))
        let target = try await target(name)
        guard !ranges.isEmpty else { return .ok("COPY completed") }
        let receipt = try await attempt { () throws(StoreError) in
            try await store.copy(ranges, from: selected.id, to: target.id, of: account)
        }
        guard !receipt.source.isEmpty else {
            return isUID ? .ok("COPY completed") : .no(code: "EXPUNGEISSUED", "The messages have been expunged")
        }
        return .ok(code: Self.copyUID(receipt), "COPY completed")
    }

    /// MOVE (RFC 9051 §6.4.8): the untagged COPYUID comes before the EXPUNGEs.
    func move(_ set: SequenceSet, to name: String, isUID: Bool) async throws(CommandFailure) -> Completion {
        let selected = try writable()
        let ranges = selected.view.uidRanges(try rows(set, isUID: isUID, in: selected))
        let target = try await target(name)
        guard !ranges.isEmpty else { return .ok("MOVE completed") }
        let receipt = try await attempt { () throws(StoreError) in
            try await store.move(ranges, from: selected.id, to: target.id, of: account)
        }
        guard !receipt.source.isEmpty else {
            return isUID ? .ok("MOVE completed") : .no(code: "EXPUNGEISSUED", "The messages have been expunged")
        }
        out.status(nil, .ok, code: Self.copyUID(receipt), "Moved")
        return .ok("MOVE completed")
    }

    /// RFC 9051 §6.3.12, §6.4.7: TRYCREATE where CREATE would help.
    func target(_ name: String) async throws(CommandFailure) -> MailboxRecord {
        do throws(StoreError) {
            return try await store.mailbox(named: name, of: account)
        } catch .notFound {
            throw .no(code: "TRYCREATE", "There is no such mailbox")
        } catch {
            throw .store(error)
        }
    }

    private static func copyUID(_ receipt: CopyReceipt) -> String {
        var encoder = IMAPResponseEncoder()
        encoder.text("COPYUID ")
        encoder.number(receipt.uidValidity.rawValue)
        encoder.text(" ")
        encoder.set(receipt.source.map(\.rawValue))
        encoder.text(" ")
        encoder.set(receipt.destination.map(\.rawValue))
        return String(buffer: encoder.buffer)
    }

    /// EXPUNGE and UID EXPUNGE (RFC 9051 §6.4.3, §6.4.9): only messages that the client knows.
    func expunge(_ set: SequenceSet?) async throws(CommandFailure) -> Completion {
        let selected = try writable()
        var named = [0..<selected.view.count]
        if let set { named = try rows(set, isUID: true, in: selected) }
        let ranges = selected.view.uidRanges(named)
        if !ranges.isEmpty {
            _ = try await attempt { () throws(StoreError) in
                try await store.expunge(ranges, in: selected.id, of: account)
            }
        }
        return .ok("EXPUNGE completed")
    }
}
