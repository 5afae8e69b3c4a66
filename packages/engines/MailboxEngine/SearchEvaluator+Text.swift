import ByteParsing
import IMAPWire
import MailModel
import MailPorts
import MessageFormat

extension SearchEvaluator {
    /// Messages read at once by one search.
    private static var concurrency: Int { 4 }

    // MARK: - Columns

    private func forEachChunk(_ candidates: RowSet, _ body: (HeaderChunk) -> Void) async throws(SearchFailure) {
        do throws(StoreError) {
            let places = candidates.places
            guard let first = places.first, let last = places.last else { return }
            // Few candidates of a large mailbox are not worth reading all of it.
            if places.count < 200, lease.uncoveredHeaders(in: snapshot) > 4 * places.count {
                let ranges =
                    places.count == last - first + 1
                    ? UIDRanges([snapshot.uids[first]...snapshot.uids[last]])
                    : UIDRanges(ascending: places.map { UID(snapshot.uids[$0]) })
                body(
                    HeaderChunk(
                        try await lease.index.store.content(
                            ranges,
                            in: lease.index.mailbox,
                            of: lease.index.account,
                            fields: .headers,
                            limit: places.count
                        )
                    )
                )
                return
            }
            try await lease.forEachHeaderChunk(through: snapshot.uids[last], body)
        } catch {
            throw .store(error)
        }
    }

    func column(_ field: HeaderChunk.Field, _ text: [UInt8], _ candidates: RowSet) async throws(SearchFailure) -> RowSet
    {
        let needle = needle(text)
        if needle.isEmpty { return try await header(Array("\(field)".utf8), [], candidates) }
        var found = RowSet(capacity: snapshot.count)
        var clipped = RowSet(capacity: snapshot.count)
        try await forEachChunk(candidates) { chunk in
            let column = chunk.texts[field.rawValue]
            for row in column.rows(containing: needle) { insert(chunk.uids[row], &found) }
            for row in chunk.uids.indices where column.range(row).count > MessageSummary.textLimit - 8 {
                insert(chunk.uids[row], &clipped)
            }
        }
        found.formIntersection(candidates)
        // The column holds the beginning of a long field: the rest is in the message.
        let unsure = clipped.intersecting(candidates).subtracting(found)
        if !unsure.isEmpty { found.formUnion(try await readHeaders(Array("\(field)".utf8), needle, unsure)) }
        return found
    }

    private func insert(_ uid: UInt32, _ set: inout RowSet) {
        if let place = snapshot.index(of: uid) { set.insert(place) }
    }

    /// RFC 9051 §6.4.4 SENTBEFORE…: the Date field, in UTC.
    func sent(_ candidates: RowSet, _ matches: (Int64) -> Bool) async throws(SearchFailure) -> RowSet {
        var found = RowSet(capacity: snapshot.count)
        try await forEachChunk(candidates) { chunk in
            for (row, date) in chunk.sentDates.enumerated()
            where date != .min && matches(Self.day(Timestamp(microseconds: date))) {
                insert(chunk.uids[row], &found)
            }
        }
        return found.intersecting(candidates)
    }

    func threads(_ name: String, _ candidates: RowSet) async throws(SearchFailure) -> RowSet {
        var found = RowSet(capacity: snapshot.count)
        let places = candidates.places
        var next = 0
        while next < places.count {
            let batch = places[next..<min(next + MailboxLease.batch, places.count)]
            next += batch.count
            do throws(StoreError) {
                let contents = try await lease.index.store.content(
                    UIDRanges(ascending: batch.map { UID(snapshot.uids[$0]) }),
                    in: lease.index.mailbox,
                    of: lease.index.account,
                    fields: [],
                    limit: batch.count
                )
                for content in contents where "T\(content.thread)" == name { insert(content.uid.rawValue, &found) }
            } catch {
                throw .store(error)
            }
        }
        return found
    }

    // MARK: - Headers

    func header(_ name: [UInt8], _ value: [UInt8], _ candidates: RowSet) async throws(SearchFailure) -> RowSet {
        let needle = needle(value)
        if name.equalsIgnoringASCIICase("message-id"), needle.count > 2, let inner = Self.insideBrackets(needle) {
            var found = RowSet(capacity: snapshot.count)
            var unknown = RowSet(capacity: snapshot.count)
            try await forEachChunk(candidates) { chunk in
                let column = chunk.texts[HeaderChunk.Field.messageID.rawValue]
                for row in column.rows(containing: inner.text)
                where !inner.isWhole || column.range(row).count == inner.text.count {
                    insert(chunk.uids[row], &found)
                }
                for row in chunk.uids.indices where column.range(row).isEmpty { insert(chunk.uids[row], &unknown) }
            }
            found.formIntersection(candidates)
            let unsure = unknown.intersecting(candidates)
            if !unsure.isEmpty { found.formUnion(try await readHeaders(name, needle, unsure)) }
            return found
        }
        return try await readHeaders(name, needle, candidates)
    }

    /// The identifier when the text has both angle brackets or none; the column holds it without.
    private static func insideBrackets(_ needle: [UInt8]) -> (text: [UInt8], isWhole: Bool)? {
        let brackets = needle.count { $0 == ASCII.less || $0 == ASCII.greater || $0 == ASCII.space }
        if brackets == 0 { return (needle, false) }
        guard brackets == 2, needle.first == ASCII.less, needle.last == ASCII.greater else { return nil }
        return (Array(needle.dropFirst().dropLast()), true)
    }

    private func readHeaders(
        _ name: [UInt8],
        _ needle: [UInt8],
        _ candidates: RowSet
    ) async throws(SearchFailure) -> RowSet {
        let reader = MessageReader(store: lease.index.store, account: lease.index.account)
        return try await scan(candidates) { email, size throws(StoreError) in
            let block = HeaderBlock(try await reader.header(email, size: size))
            return block.fields.fields.contains { field in
                guard block.bytes[field.name].equalsIgnoringASCIICase(name) else { return false }
                // RFC 9051 §6.4.4: an empty string matches every message that has the field.
                return needle.isEmpty
                    || TextColumn(EncodedWord.decode(unfolded(block.bytes, field.value))).contains(needle)
            }
        }
    }

    // MARK: - Octets

    func messages(_ text: [UInt8], _ candidates: RowSet, withHeaders: Bool) async throws(SearchFailure) -> RowSet {
        let needle = needle(text)
        let reader = MessageReader(store: lease.index.store, account: lease.index.account)
        let gate = self.gate
        return try await scan(candidates) { email, size throws(StoreError) in
            // The octets, and about as much again decoded.
            try await gate.with(size * 3) { () throws(StoreError) in
                let message = ParsedMessage(parsing: try await reader.whole(email, size: size))
                return Self.holds(message.root, in: message, needle, withHeaders: withHeaders)
            }
        }
    }

    /// Looks at every header and every text part, in messages in the message too.
    private static func holds(_ part: BodyPart, in message: ParsedMessage, _ needle: [UInt8], withHeaders: Bool) -> Bool
    {
        if withHeaders {
            for field in part.fields.fields {
                let line =
                    String(decoding: message.bytes[field.name], as: UTF8.self) + ": "
                    + EncodedWord.decode(unfolded(message.bytes, field.value))
                if TextColumn(line).contains(needle) { return true }
            }
        }
        if part.isMultipart {
            return part.children.contains { holds($0, in: message, needle, withHeaders: withHeaders) }
        }
        // What is inside an attached message is part of the body, its header too.
        if let embedded = part.embedded.first { return holds(embedded, in: message, needle, withHeaders: true) }
        return part.isText && TextColumn(part.decodedText(in: message.bytes)).contains(needle)
    }

    private struct Verdict: Sendable {
        var place: Int
        var isFound = false
        var error: StoreError?
    }

    /// The candidates for which `test` holds, a few read at once.
    private func scan(
        _ candidates: RowSet,
        _ test: @escaping @Sendable (EmailID, Int) async throws(StoreError) -> Bool
    ) async throws(SearchFailure) -> RowSet {
        let places = candidates.places
        let snapshot = self.snapshot
        var found = RowSet(capacity: snapshot.count)
        var failure: StoreError?
        await withTaskGroup(of: Verdict.self) { group in
            var next = 0
            var running = 0
            while running > 0 || next < places.count {
                if next < places.count, running < Self.concurrency, failure == nil, !Task.isCancelled {
                    let place = places[next]
                    let (email, size) = (snapshot.email(at: place), snapshot.size(at: place))
                    next += 1
                    running += 1
                    group.addTask { await Self.verdict(place, email, size, test) }
                    continue
                }
                guard running > 0, let verdict = await group.next() else { break }
                running -= 1
                if verdict.isFound { found.insert(verdict.place) }
                if let error = verdict.error { failure = error }
            }
        }
        if let failure { throw .store(failure) }
        return found
    }

    private static func verdict(
        _ place: Int,
        _ email: EmailID,
        _ size: Int,
        _ test: @Sendable (EmailID, Int) async throws(StoreError) -> Bool
    ) async -> Verdict {
        var verdict = Verdict(place: place)
        do throws(StoreError) {
            verdict.isFound = try await test(email, size)
        } catch .notFound {
            // Expunged meanwhile: not found.
        } catch {
            verdict.error = error
        }
        return verdict
    }
}

extension TextColumn {
    /// A single text.
    fileprivate init(_ text: String) {
        self.init()
        append(TextMatcher.folded(text))
    }

    fileprivate func contains(_ needle: [UInt8]) -> Bool { !rows(containing: needle).isEmpty }
}
