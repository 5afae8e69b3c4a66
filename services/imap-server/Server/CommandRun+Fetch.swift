import IMAPWire
import MailModel
import MailPorts
import MailboxEngine

/// What a FETCH needs beside the index.
struct FetchPlan {
    var items: [FetchItem]
    /// Stored parts to read with each batch.
    var fields: ContentFields = []
    var needsThread = false
    /// ENVELOPE is the only stored part: it comes from the shared cache.
    var isEnvelopeOnly: Bool { fields == .envelope && !needsThread }
    var needsOctets = false
    var setsSeen = false

    init(_ items: [FetchItem], isUID: Bool) {
        // RFC 9051 §6.4.9: UID FETCH always tells the UID.
        self.items = isUID && !items.contains(.uid) ? [.uid] + items : items
        for item in items {
            switch item {
            case .flags, .internalDate, .rfc822Size, .uid, .modSeq, .emailID, .saveDate: ()
            case .envelope: fields.insert(.envelope)
            case .bodyStructure: fields.insert(.bodyStructure)
            case .preview: fields.insert(.preview)
            case .threadID: needsThread = true
            case .body, .rfc822Header, .binarySize: needsOctets = true
            case .rfc822, .rfc822Text:
                needsOctets = true
                setsSeen = true
            case .section(_, _, let isPeek), .binary(_, _, let isPeek):
                needsOctets = true
                if !isPeek { setsSeen = true }
            }
        }
    }

    var isIndexOnly: Bool { fields.isEmpty && !needsThread && !needsOctets }
}

/// One message of a FETCH.
struct FetchedRow {
    var number: Int
    var index: Int
}

extension CommandRun {
    /// Messages whose stored parts are read at once, and whose lines are written between two looks at the client's speed.
    private static var batch: Int { MailboxLease.batch }

    /// FETCH (RFC 9051 §6.4.5).
    func fetch(_ set: SequenceSet, _ items: [FetchItem], isUID: Bool) async throws(CommandFailure) -> Completion {
        mayExpunge = isUID
        let selected = try selected()
        let place = try await permitted { () throws(AccessFailure) in
            try await access.look(at: selected.place, to: .read)
        }
        let rows = try rows(set, isUID: isUID, in: selected)
        var plan = FetchPlan(items, isUID: isUID)
        if plan.setsSeen, !selected.isReadOnly, place.rights.contains(.seen), try await markSeen(rows, selected),
            !plan.items.contains(.flags)
        {
            plan.items.append(.flags)
        }
        let snapshot = try await known(selected)
        var gone = 0
        var writer = FetchWriter()
        for batch in Self.batches(rows) {
            var found: [FetchedRow] = []
            found.reserveCapacity(batch.count)
            gone += selected.view.forEach([batch], in: snapshot) { row, index in
                found.append(FetchedRow(number: row + 1, index: index))
            }
            if plan.isIndexOnly {
                for row in found {
                    writer.begin(row.number)
                    for item in plan.items { Self.write(item, row, snapshot, &writer) }
                    writer.end()
                }
            } else if plan.isEnvelopeOnly, !plan.needsOctets {
                gone += try await fetchEnvelopes(found, plan, selected, snapshot, &writer)
            } else {
                gone += try await fetchContents(found, plan, selected, snapshot, &writer)
            }
            if writer.isFull { try await flush(&writer) }
        }
        out.bytes(writer.take())
        if gone > 0, !isUID { return .no(code: "EXPUNGEISSUED", "Some of the messages have been expunged") }
        return .ok("FETCH completed")
    }

    private static func batches(_ rows: [Range<Int>]) -> [Range<Int>] {
        rows.flatMap { range in
            stride(from: range.lowerBound, to: range.upperBound, by: batch).map {
                $0..<min($0 + batch, range.upperBound)
            }
        }
    }

    /// RFC 9051 §6.4.5: sets \Seen before the octets are sent; true when a message had not been seen.
    private func markSeen(_ rows: [Range<Int>], _ selected: SelectedMailbox) async throws(CommandFailure) -> Bool {
        let snapshot = try await known(selected)
        var unseen: [Range<Int>] = []
        _ = selected.view.forEach(rows, in: snapshot) { row, index in
            guard !snapshot.flags(at: index).contains(.seen) else { return }
            if let last = unseen.last, last.upperBound == row {
                unseen[unseen.count - 1] = last.lowerBound..<(row + 1)
            } else {
                unseen.append(row..<(row + 1))
            }
        }
        guard !unseen.isEmpty else { return false }
        let ranges = selected.view.uidRanges(unseen)
        let outcome = try await permitted { () throws(AccessFailure) in
            try await access.setFlags(
                ranges,
                in: selected.place,
                mode: .add,
                flags: .seen,
                keywords: .none,
                unchangedSince: nil
            )
        }
        if selected.lease.index.apply(outcome) == nil {
            _ = try await attempt { () throws(StoreError) in try await selected.lease.index.current() }
        }
        own = outcome.entries.map(\.modSeq).max()
        return true
    }

    /// An item that the index answers.
    static func write(_ item: FetchItem, _ row: FetchedRow, _ snapshot: MailboxSnapshot, _ writer: inout FetchWriter) {
        switch item {
        case .flags:
            writer.item("FLAGS ")
            writer.flags(snapshot, row.index)
        case .uid:
            writer.item("UID ")
            writer.number(Int(snapshot.uids[row.index]))
        case .rfc822Size:
            writer.item("RFC822.SIZE ")
            writer.number(snapshot.size(at: row.index))
        case .internalDate:
            writer.item("INTERNALDATE ")
            writer.date(snapshot.internalDate(at: row.index))
        case .modSeq:
            writer.item("MODSEQ (")
            writer.number(Int(snapshot.modSeq(at: row.index).rawValue))
            writer.text(")")
        case .emailID:
            writer.item("EMAILID (M")
            writer.number(Int(snapshot.email(at: row.index).rawValue))
            writer.text(")")
        case .saveDate:
            writer.item("SAVEDATE ")
            writer.date(snapshot.savedAt(at: row.index))
        case .envelope, .bodyStructure, .body, .threadID, .preview, .rfc822, .rfc822Header, .rfc822Text, .section,
            .binary, .binarySize:
            preconditionFailure("the index does not have it")
        }
    }

    private func fetchEnvelopes(
        _ rows: [FetchedRow],
        _ plan: FetchPlan,
        _ selected: SelectedMailbox,
        _ snapshot: MailboxSnapshot,
        _ writer: inout FetchWriter
    ) async throws(CommandFailure) -> Int {
        let uids = rows.map { snapshot.uids[$0.index] }
        var envelopes = try await attempt { () throws(StoreError) in
            try await selected.lease.envelopes(uids, in: snapshot)
        }
        var gone = 0
        for row in rows {
            let start = writer.count
            writer.begin(row.number)
            var isThere = true
            for item in plan.items {
                guard item == .envelope else {
                    Self.write(item, row, snapshot, &writer)
                    continue
                }
                writer.item("ENVELOPE ")
                isThere = envelopes.next(snapshot.uids[row.index]) { writer.append($0) } && isThere
            }
            if isThere {
                writer.end()
            } else {
                writer.truncate(to: start)
                gone += 1
            }
            if writer.isFull { try await flush(&writer) }
        }
        return gone
    }
}
