import MailModel
package import MailPorts

/// ENVELOPEs of some messages, ready to be written.
package struct Envelopes: Sendable {
    private let chunks: [EnvelopeChunk]
    private var chunk = 0
    private var row = 0

    init(_ chunks: [EnvelopeChunk]) { self.chunks = chunks }

    /// Calls `body` with the text; asked for ascending UIDs.
    ///
    /// False when there is none (the message has gone meanwhile).
    package mutating func next(_ uid: UInt32, _ body: (ArraySlice<UInt8>) -> Void) -> Bool {
        while chunk < chunks.count {
            let current = chunks[chunk]
            if let last = current.uids.last, last >= uid {
                if row >= current.uids.count || current.uids[row] != uid { row = current.uids.lowerBound(of: uid) }
                guard current.uids[row] == uid else { return false }
                body(current.texts.bytes[current.texts.range(row)])
                row += 1
                return true
            }
            chunk += 1
            row = 0
        }
        return false
    }
}

extension MailboxLease {
    /// Messages of one chunk and of one read.
    package static var batch: Int { 1_000 }

    /// ENVELOPEs of the messages with those UIDs: ascending, at most `batch`.
    ///
    /// From memory where they are there.
    package func envelopes(_ uids: [UInt32], in snapshot: MailboxSnapshot) async throws(StoreError) -> Envelopes {
        guard let first = uids.first, let last = uids.last else { return Envelopes([]) }
        let (covered, cached) = index.columns { columns -> (UInt32, [EnvelopeChunk]) in
            (
                columns.envelopes.last?.uids.last ?? 0,
                columns.envelopes.filter { ($0.uids.last ?? 0) >= first && ($0.uids.first ?? 0) <= last }
            )
        }
        if last <= covered { return Envelopes(cached) }
        let contents = try await index.store.content(
            ranges(of: uids, in: snapshot),
            in: index.mailbox,
            of: index.account,
            fields: .envelope,
            limit: uids.count
        )
        let made = EnvelopeChunk(contents)
        // Only what directly follows the cached prefix is kept.
        let firstMissing = covered == .max ? snapshot.count : snapshot.uids.lowerBound(of: covered + 1)
        let end = last == .max ? snapshot.count : snapshot.uids.lowerBound(of: last + 1)
        let fresh = contents.filter { $0.uid.rawValue > covered }
        if uids.count(where: { $0 > covered }) == end - firstMissing, !fresh.isEmpty, indexes.room() > made.byteCount {
            let chunk = fresh.count == contents.count ? made : EnvelopeChunk(fresh)
            index.columns { columns in
                guard columns.envelopes.last?.uids.last ?? 0 == covered else { return }
                if let tail = columns.envelopes.last, tail.uids.count + chunk.uids.count <= Self.batch {
                    columns.envelopes[columns.envelopes.count - 1] = EnvelopeChunk(tail, chunk)
                } else {
                    columns.envelopes.append(chunk)
                }
            }
        }
        return Envelopes([made])
    }

    /// As few ranges as cover those UIDs and no other message.
    private func ranges(of uids: [UInt32], in snapshot: MailboxSnapshot) -> UIDRanges {
        var ranges: [ClosedRange<UInt32>] = []
        var place = snapshot.uids.lowerBound(of: uids[0])
        for uid in uids {
            let isNext = place < snapshot.count && snapshot.uids[place] == uid
            if isNext, !ranges.isEmpty {
                ranges[ranges.count - 1] = ranges[ranges.count - 1].lowerBound...uid
            } else {
                ranges.append(uid...uid)
                place = snapshot.uids.lowerBound(of: uid)
            }
            place += 1
        }
        return UIDRanges(ranges)
    }

    /// Calls `body` with the header texts of every message up to `lastUID`, chunk by chunk, ascending.
    func forEachHeaderChunk(through lastUID: UInt32, _ body: (HeaderChunk) -> Void) async throws(StoreError) {
        let cached = index.columns { $0.headers }
        var covered: UInt32 = 0
        for chunk in cached where (chunk.uids.first ?? .max) <= lastUID {
            body(chunk)
            covered = chunk.uids.last ?? covered
        }
        while covered < lastUID {
            let contents = try await index.store.content(
                UIDRanges([(covered + 1)...lastUID]),
                in: index.mailbox,
                of: index.account,
                fields: .headers,
                limit: Self.batch
            )
            guard let last = contents.last?.uid.rawValue else { return }
            let chunk = HeaderChunk(contents)
            body(chunk)
            let before = covered
            if indexes.room() > chunk.byteCount {
                index.columns { columns in
                    guard columns.headers.last?.uids.last ?? 0 == before else { return }
                    if let tail = columns.headers.last, tail.uids.count + chunk.uids.count <= Self.batch {
                        columns.headers[columns.headers.count - 1] = HeaderChunk(tail, chunk)
                    } else {
                        columns.headers.append(chunk)
                    }
                }
            }
            covered = last
            if contents.count < Self.batch { return }
        }
    }

    /// How many of the snapshot's messages have no cached header texts.
    func uncoveredHeaders(in snapshot: MailboxSnapshot) -> Int {
        let covered = index.columns { $0.headers.last?.uids.last ?? 0 }
        return covered == .max ? 0 : snapshot.count - snapshot.uids.lowerBound(of: covered + 1)
    }
}
