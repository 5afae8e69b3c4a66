package import IMAPWire
package import MailModel
package import MailPorts

/// What a client must be told so that it knows the mailbox as the view does now, in the order of telling.
package struct ViewUpdate: Equatable, Sendable {
    /// Numbers of `EXPUNGE` responses: each counts after those before it (RFC 9051 §7.5.1).
    package var expunged: [Int] = []
    /// The new number of messages, when it grew.
    package var exists: Int?
    /// Sequence numbers (after the expunges) whose flags changed, with their places in the snapshot.
    package var changed: [ChangedMessage] = []
    package var isEmpty: Bool { expunged.isEmpty && exists == nil && changed.isEmpty }
}

package struct ChangedMessage: Equatable, Sendable {
    package var number: Int
    package var index: Int
    package init(number: Int, index: Int) { (self.number, self.index) = (number, index) }
}

/// One session's own sequence numbers of its selected mailbox.
///
/// Messages that others expunge keep their numbers until the client may be told (RFC 9051 §5.5, §7.5.1).
/// Rows count from 0; sequence number n is row n - 1.
package struct MailboxView: Sendable {
    /// Of the messages that the client knows, ascending.
    ///
    /// Shares memory with the snapshot while both agree.
    package private(set) var uids: [UInt32]
    /// Flags up to here have been told.
    private var told: ModSeq
    /// The snapshot generation that `uids` is a prefix of; -1 when expunges are held back.
    private var generation: Int

    package init(_ snapshot: MailboxSnapshot) {
        uids = snapshot.uids
        told = snapshot.modSeq
        generation = snapshot.generation
    }

    package var count: Int { uids.count }

    // MARK: - Sets

    package enum SetFailure: Error, Equatable { case outOfRange }

    /// Rows that sequence numbers name, ascending and disjoint.
    ///
    /// RFC 9051 §9 seq-number: a number beyond the mailbox is an error; a range that only ends beyond it is cut, and on an
    /// empty mailbox `*` names nothing.
    package func rows(numbers set: SequenceSet, isStrict: Bool = true) throws(SetFailure) -> [Range<Int>] {
        let ranges = set.ranges(maximum: UInt32(count))
        if count == 0 {
            guard !isStrict || set.elements.contains(where: { $0.from == .last || $0.to == .last }) else {
                throw .outOfRange
            }
            return []
        }
        var rows: [Range<Int>] = []
        for element in ranges {
            guard element.lowerBound <= count else {
                if isStrict { throw .outOfRange }
                continue
            }
            rows.append(Int(element.lowerBound) - 1..<min(Int(element.upperBound), count))
        }
        return rows
    }

    /// Rows that UIDs name; unknown ones name nothing (RFC 9051 §6.4.9).
    package func rows(uids set: SequenceSet) -> [Range<Int>] {
        rows(uidRanges: set.ranges(maximum: uids.last ?? 0))
    }

    package func rows(uidRanges: [ClosedRange<UInt32>]) -> [Range<Int>] {
        var rows: [Range<Int>] = []
        for range in uidRanges {
            let low = uids.lowerBound(of: range.lowerBound)
            let high = range.upperBound == .max ? count : uids.lowerBound(of: range.upperBound + 1)
            guard low < high else { continue }
            if let last = rows.last, last.upperBound == low {
                rows[rows.count - 1] = last.lowerBound..<high
            } else {
                rows.append(low..<high)
            }
        }
        return rows
    }

    /// UIDs of the rows.
    ///
    /// Adjacent rows make one range: the UIDs between them belong to no message and never will.
    package func uidRanges(_ rows: [Range<Int>]) -> UIDRanges {
        UIDRanges(rows.filter { !$0.isEmpty }.map { uids[$0.lowerBound]...uids[$0.upperBound - 1] })
    }

    /// The sequence number of a UID.
    package func number(of uid: UInt32) -> Int? {
        let place = uids.lowerBound(of: uid)
        return place < uids.count && uids[place] == uid ? place + 1 : nil
    }

    /// Whether rows are places in the snapshot.
    package func isAligned(with snapshot: MailboxSnapshot) -> Bool { generation == snapshot.generation }

    /// Calls `body` for every row that is still there with its place in the snapshot; returns how many are gone.
    package func forEach(
        _ rows: [Range<Int>],
        in snapshot: MailboxSnapshot,
        _ body: (_ row: Int, _ index: Int) -> Void
    ) -> Int {
        if isAligned(with: snapshot) {
            for range in rows {
                for row in range { body(row, row) }
            }
            return 0
        }
        var gone = 0
        var index = 0
        for range in rows where !range.isEmpty {
            index = max(index, snapshot.uids.lowerBound(of: uids[range.lowerBound]))
            for row in range {
                while index < snapshot.count, snapshot.uids[index] < uids[row] { index += 1 }
                if index < snapshot.count, snapshot.uids[index] == uids[row] { body(row, index) } else { gone += 1 }
            }
        }
        return gone
    }

    // MARK: - Telling

    /// Whether there is anything to tell at all; costs nothing.
    package func isBehind(_ snapshot: MailboxSnapshot) -> Bool {
        generation != snapshot.generation || snapshot.modSeq > told || snapshot.count != uids.count
    }

    /// Catches up with the snapshot.
    ///
    /// - Parameters:
    ///   - mayExpunge: false while FETCH, STORE or SEARCH is answered (RFC 9051 §7.5.1).
    ///   - own: a change whose flags the client knows already.
    package mutating func advance(to snapshot: MailboxSnapshot, mayExpunge: Bool, own: ModSeq? = nil) -> ViewUpdate {
        var update = ViewUpdate()
        guard isBehind(snapshot) else { return update }
        let since = told
        told = max(told, snapshot.modSeq)
        let lastKnown = uids.last ?? 0
        if generation != snapshot.generation, mayExpunge {
            update.expunged = expunge(snapshot)
        }
        let firstNew = lastKnown == .max ? snapshot.count : snapshot.uids.lowerBound(of: lastKnown + 1)
        let known = uids.count
        if generation == snapshot.generation {
            if snapshot.count != uids.count { uids = snapshot.uids }
        } else {
            uids.append(contentsOf: snapshot.uids[firstNew...])
        }
        if uids.count > known { update.exists = uids.count }
        guard snapshot.modSeq > since else { return update }
        for index in snapshot.changed(since: since, except: own, first: firstNew) {
            if let number = generation == snapshot.generation ? index + 1 : number(of: snapshot.uids[index]) {
                update.changed.append(ChangedMessage(number: number, index: index))
            }
        }
        return update
    }

    /// Drops the messages that the snapshot no longer has; afterwards the view is a prefix of it, unless a message became
    /// visible out of order: that one stays unseen until the mailbox is selected anew.
    private mutating func expunge(_ snapshot: MailboxSnapshot) -> [Int] {
        var numbers: [Int] = []
        var kept: [UInt32] = []
        kept.reserveCapacity(uids.count)
        var index = 0
        for (row, uid) in uids.enumerated() {
            while index < snapshot.count, snapshot.uids[index] < uid { index += 1 }
            if index < snapshot.count, snapshot.uids[index] == uid {
                kept.append(uid)
            } else {
                numbers.append(row + 1 - numbers.count)
            }
        }
        uids = kept
        let isPrefix =
            kept.count <= snapshot.count && (kept.isEmpty || snapshot.uids[kept.count - 1] == kept[kept.count - 1])
        generation = isPrefix ? snapshot.generation : -1
        if isPrefix, kept.count == snapshot.count { uids = snapshot.uids }
        return numbers
    }
}
