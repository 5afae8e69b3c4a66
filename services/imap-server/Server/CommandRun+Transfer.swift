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
        let target = try await target(name, for: .copyTo)
        guard !ranges.isEmpty else { return .ok("COPY completed") }
        let receipt = try await permitted { () throws(AccessFailure) in
            try await access.copy(ranges, from: selected.place, to: target)
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
        let target = try await target(name, for: .moveTo)
        guard !ranges.isEmpty else { return .ok("MOVE completed") }
        let receipt = try await permitted { () throws(AccessFailure) in
            try await access.move(ranges, from: selected.place, to: target)
        }
        guard !receipt.source.isEmpty else {
            return isUID ? .ok("MOVE completed") : .no(code: "EXPUNGEISSUED", "The messages have been expunged")
        }
        out.status(nil, .ok, code: Self.copyUID(receipt), "Moved")
        return .ok("MOVE completed")
    }

    /// RFC 9051 §6.3.12, §6.4.7: TRYCREATE where CREATE would help.
    func target(_ name: String, for operation: MailboxOperation) async throws(CommandFailure) -> MailboxPlace {
        do throws(AccessFailure) {
            return try await access.find(name, to: operation)
        } catch .store(.notFound) {
            throw .no(code: "TRYCREATE", "There is no such mailbox")
        } catch {
            throw CommandFailure(error)
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
            try await permitted { () throws(AccessFailure) in try await access.expunge(ranges, in: selected.place) }
        }
        return .ok("EXPUNGE completed")
    }
}
