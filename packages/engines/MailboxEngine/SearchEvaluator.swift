package import IMAPWire
package import MailModel
package import MailPorts
import MessageFormat

package enum SearchFailure: Error, Equatable, Sendable {
    /// RFC 9051 §7.1 BADCHARSET.
    case unknownCharset
    case store(StoreError)
}

/// Evaluates one SEARCH over the messages of a view (RFC 9051 §6.4.4).
///
/// Keys narrow a set of candidates, the cheap ones first: flags, dates and sizes from the index, header texts from cached
/// columns, message octets only for what is left.
package struct SearchEvaluator: Sendable {
    let view: MailboxView
    let snapshot: MailboxSnapshot
    let lease: MailboxLease
    /// UIDs of `$` (RFC 5182).
    let saved: [ClosedRange<UInt32>]
    let charset: String
    let now: Timestamp
    let gate: ByteGate

    /// - Throws: `.unknownCharset`.
    package init(
        view: MailboxView,
        snapshot: MailboxSnapshot,
        lease: MailboxLease,
        saved: [ClosedRange<UInt32>],
        charset: String?,
        now: Timestamp,
        gate: ByteGate
    ) throws(SearchFailure) {
        let name = charset ?? "utf-8"
        guard name.utf8.elementsEqual("utf-8".utf8) || CharsetDecoder.isKnown(name) else { throw .unknownCharset }
        self.view = view
        self.snapshot = snapshot
        self.lease = lease
        self.saved = saved
        self.charset = name
        self.now = now
        self.gate = gate
    }

    /// UIDs of the messages found, ascending.
    package func run(_ key: SearchKey) async throws(SearchFailure) -> [UInt32] {
        let last = view.uids.last ?? 0
        let known = last == .max ? snapshot.count : snapshot.uids.lowerBound(of: last + 1)
        var candidates = RowSet(capacity: snapshot.count, first: known)
        if !view.isAligned(with: snapshot) {
            candidates = rows(view.uids.isEmpty ? [] : [0..<view.count]).intersecting(candidates)
        }
        let found = try await evaluate(key, candidates)
        return found.places.map { snapshot.uids[$0] }
    }

    // MARK: - Keys

    func evaluate(_ key: SearchKey, _ candidates: RowSet) async throws(SearchFailure) -> RowSet {
        if candidates.isEmpty { return candidates }
        switch key {
        case .all: return candidates
        case .and(let keys):
            var left = candidates
            for key in keys.sorted(by: { cost($0) < cost($1) }) { left = try await evaluate(key, left) }
            return left
        case .or(let first, let second):
            let (cheap, dear) = cost(first) <= cost(second) ? (first, second) : (second, first)
            var found = try await evaluate(cheap, candidates)
            found.formUnion(try await evaluate(dear, candidates.subtracting(found)))
            return found
        case .not(let key): return candidates.subtracting(try await evaluate(key, candidates))
        case .sequence(let set): return numbered(set).intersecting(candidates)
        case .uid(let set):
            return rows(set.isSavedResult ? view.rows(uidRanges: saved) : view.rows(uids: set)).intersecting(candidates)
        case .recent: return RowSet(capacity: candidates.capacity)
        case .flag(let flag): return candidates.filter { !snapshot.flags(at: $0).isDisjoint(with: flag) }
        case .keyword(let name):
            let numbers = snapshot.keywordNumbers(containing: name)
            return candidates.filter { numbers.contains(snapshot.keywordNumber(at: $0)) }
        case .larger(let size): return candidates.filter { snapshot.size(at: $0) > size }
        case .smaller(let size): return candidates.filter { snapshot.size(at: $0) < size }
        case .before(let day): return candidates.filter { Self.day(snapshot.internalDate(at: $0)) < day }
        case .on(let day): return candidates.filter { Self.day(snapshot.internalDate(at: $0)) == day }
        case .since(let day): return candidates.filter { Self.day(snapshot.internalDate(at: $0)) >= day }
        case .savedBefore(let day): return candidates.filter { Self.day(snapshot.savedAt(at: $0)) < day }
        case .savedOn(let day): return candidates.filter { Self.day(snapshot.savedAt(at: $0)) == day }
        case .savedSince(let day): return candidates.filter { Self.day(snapshot.savedAt(at: $0)) >= day }
        // RFC 5032 §2.3: YOUNGER is within, OLDER not.
        case .older(let seconds):
            return candidates.filter { snapshot.internalDate(at: $0) <= now.adding(seconds: -min(seconds, 1 << 40)) }
        case .younger(let seconds):
            return candidates.filter { snapshot.internalDate(at: $0) >= now.adding(seconds: -min(seconds, 1 << 40)) }
        case .modSeq(let modSeq): return candidates.filter { snapshot.modSeq(at: $0).rawValue >= modSeq }
        case .emailID(let name): return candidates.filter { "M\(snapshot.email(at: $0))" == name }
        case .threadID(let name): return try await threads(name, candidates)
        case .sentBefore(let day): return try await sent(candidates) { $0 < day }
        case .sentOn(let day): return try await sent(candidates) { $0 == day }
        case .sentSince(let day): return try await sent(candidates) { $0 >= day }
        case .subject(let text): return try await column(.subject, text, candidates)
        case .from(let text): return try await column(.from, text, candidates)
        case .to(let text): return try await column(.to, text, candidates)
        case .cc(let text): return try await column(.cc, text, candidates)
        case .bcc(let text): return try await column(.bcc, text, candidates)
        case .header(let name, let value): return try await header(name, value, candidates)
        case .body(let text):
            return try await text.isEmpty ? candidates : messages(text, candidates, withHeaders: false)
        case .text(let text): return try await text.isEmpty ? candidates : messages(text, candidates, withHeaders: true)
        }
    }

    /// What a key costs a message, roughly: nothing, a cached text, a read.
    private func cost(_ key: SearchKey) -> Int {
        switch key {
        case .and(let keys): keys.map(cost).max() ?? 0
        case .or(let first, let second): max(cost(first), cost(second))
        case .not(let key): cost(key)
        case .subject, .from, .to, .cc, .bcc, .sentBefore, .sentOn, .sentSince, .threadID: 1
        case .header: 2
        case .body, .text: 3
        case .all, .sequence, .uid, .recent, .flag, .keyword, .larger, .smaller, .before, .on, .since, .savedBefore,
            .savedOn, .savedSince,
            .older, .younger, .modSeq, .emailID:
            0
        }
    }

    private func numbered(_ set: SequenceSet) -> RowSet {
        if set.isSavedResult { return rows(view.rows(uidRanges: saved)) }
        // Numbers beyond the mailbox match nothing.
        return rows((try? view.rows(numbers: set, isStrict: false)) ?? [])
    }

    /// Places of rows of the view.
    private func rows(_ rows: [Range<Int>]) -> RowSet {
        var found = RowSet(capacity: snapshot.count)
        _ = view.forEach(rows, in: snapshot) { _, index in
            if index < snapshot.count { found.insert(index) }
        }
        return found
    }

    /// Days since 1970-01-01, UTC.
    static func day(_ time: Timestamp) -> Int64 {
        time.seconds >= 0 ? time.seconds / 86_400 : (time.seconds - 86_399) / 86_400
    }

    func needle(_ text: [UInt8]) -> [UInt8] { TextMatcher.folded(CharsetDecoder.decode(text, charset: charset)) }
}

extension RowSet {
    func intersecting(_ other: RowSet) -> RowSet {
        var result = self
        result.formIntersection(other)
        return result
    }
}
