package import MailModel
package import MailPorts

/// Every message of one mailbox at one moment, field by field in arrays of their own: 45 octets a message.
///
/// A value: copies share their arrays until one of them changes.
package struct MailboxSnapshot: Sendable {
    /// As of the same moment.
    package private(set) var record: MailboxRecord
    /// Ascending.
    package private(set) var uids: [UInt32] = []
    private var flagBits: [UInt8] = []
    private var keywordNumbers: [UInt32] = []
    /// Distinct sets of keywords; number 0 is the empty set.
    private var keywordTable: [Keywords] = [.none]
    private var modSeqs: [Int64] = []
    private var emails: [Int64] = []
    private var sizes: [UInt32] = []
    private var internalDates: [Int64] = []
    private var savedDates: [Int64] = []
    /// Counts the times that messages vanished: a view made at the same number is a prefix of `uids`.
    package private(set) var generation = 0

    package init(_ changes: MailboxChanges) {
        record = changes.mailbox
        reserve(changes.changed.count)
        var numbers: [Keywords: UInt32] = [.none: 0]
        for entry in changes.changed { append(entry, &numbers) }
    }

    package var count: Int { uids.count }
    package var modSeq: ModSeq { record.highestModSeq }
    /// Octets of memory, about.
    package var byteCount: Int { uids.count * 45 + keywordTable.count * 64 }

    // MARK: - Reading

    package func flags(at index: Int) -> MessageFlags { MessageFlags(rawValue: flagBits[index]) }
    package func keywords(at index: Int) -> Keywords { keywordTable[Int(keywordNumbers[index])] }
    /// Equal numbers, equal keywords; 0 for none.
    package func keywordNumber(at index: Int) -> UInt32 { keywordNumbers[index] }
    package func modSeq(at index: Int) -> ModSeq { ModSeq(modSeqs[index]) }
    package func email(at index: Int) -> EmailID { EmailID(emails[index]) }
    package func size(at index: Int) -> Int { Int(sizes[index]) }
    package func internalDate(at index: Int) -> Timestamp { Timestamp(microseconds: internalDates[index]) }
    package func savedAt(at index: Int) -> Timestamp { Timestamp(microseconds: savedDates[index]) }

    /// Where the UID is; nil when it is not there.
    package func index(of uid: UInt32) -> Int? {
        let place = uids.lowerBound(of: uid)
        return place < uids.count && uids[place] == uid ? place : nil
    }

    /// Numbers of the keyword sets that hold the keyword.
    package func keywordNumbers(containing name: String) -> Set<UInt32> {
        Set(keywordTable.indices.filter { keywordTable[$0].contains(name) }.map(UInt32.init))
    }

    /// Every keyword of the mailbox, sorted; at most 500.
    package var keywordsInUse: Keywords {
        var all = Keywords.none
        for keywords in keywordTable {
            for name in keywords.names where all.names.count < 500 { all.insert(name) }
        }
        return all
    }

    package var firstUnseen: Int? { flagBits.firstIndex { $0 & MessageFlags.seen.rawValue == 0 } }

    /// Places of messages that changed after `modSeq`, the change `own` apart, among the first `limit` messages.
    package func changed(since modSeq: ModSeq, except own: ModSeq?, first limit: Int) -> [Int] {
        var found: [Int] = []
        let own = own?.rawValue ?? 0
        for index in 0..<min(limit, modSeqs.count) where modSeqs[index] > modSeq.rawValue && modSeqs[index] != own {
            found.append(index)
        }
        return found
    }

    // MARK: - Changing

    /// Takes what changed up to `changes.mailbox.highestModSeq`.
    package mutating func apply(_ changes: MailboxChanges) {
        record = changes.mailbox
        var numbers = Dictionary(keywordTable.enumerated().map { ($1, UInt32($0)) }) { first, _ in first }
        for entry in changes.changed { put(entry, &numbers) }
        remove(changes.vanished)
        compactKeywords()
    }

    /// Takes the flags of a STORE whose change directly follows this snapshot.
    package mutating func apply(_ entries: [MessageEntry], at modSeq: ModSeq) {
        var numbers = Dictionary(keywordTable.enumerated().map { ($1, UInt32($0)) }) { first, _ in first }
        for entry in entries where entry.modSeq == modSeq { put(entry, &numbers) }
        record.highestModSeq = modSeq
        compactKeywords()
    }

    private mutating func put(_ entry: MessageEntry, _ numbers: inout [Keywords: UInt32]) {
        let uid = entry.uid.rawValue
        guard let last = uids.last, uid <= last else { return append(entry, &numbers) }
        let place = uids.lowerBound(of: uid)
        guard uids[place] == uid else { return insert(entry, at: place, &numbers) }
        guard entry.modSeq.rawValue >= modSeqs[place] else { return }
        flagBits[place] = entry.flags.rawValue
        keywordNumbers[place] = number(of: entry.keywords, &numbers)
        modSeqs[place] = entry.modSeq.rawValue
    }

    private mutating func append(_ entry: MessageEntry, _ numbers: inout [Keywords: UInt32]) {
        uids.append(entry.uid.rawValue)
        flagBits.append(entry.flags.rawValue)
        keywordNumbers.append(number(of: entry.keywords, &numbers))
        modSeqs.append(entry.modSeq.rawValue)
        emails.append(entry.email.rawValue)
        sizes.append(UInt32(clamping: entry.size))
        internalDates.append(entry.internalDate.microseconds)
        savedDates.append(entry.savedAt.microseconds)
    }

    /// A message that became visible out of order: views learn of it as if it had vanished and come back.
    private mutating func insert(_ entry: MessageEntry, at place: Int, _ numbers: inout [Keywords: UInt32]) {
        generation += 1
        uids.insert(entry.uid.rawValue, at: place)
        flagBits.insert(entry.flags.rawValue, at: place)
        keywordNumbers.insert(number(of: entry.keywords, &numbers), at: place)
        modSeqs.insert(entry.modSeq.rawValue, at: place)
        emails.insert(entry.email.rawValue, at: place)
        sizes.insert(UInt32(clamping: entry.size), at: place)
        internalDates.insert(entry.internalDate.microseconds, at: place)
        savedDates.insert(entry.savedAt.microseconds, at: place)
    }

    private mutating func remove(_ vanished: [UID]) {
        var places: [Int] = []
        for uid in vanished {
            if let place = index(of: uid.rawValue) { places.append(place) }
        }
        guard !places.isEmpty else { return }
        generation += 1
        uids.removeAll(at: places)
        flagBits.removeAll(at: places)
        keywordNumbers.removeAll(at: places)
        modSeqs.removeAll(at: places)
        emails.removeAll(at: places)
        sizes.removeAll(at: places)
        internalDates.removeAll(at: places)
        savedDates.removeAll(at: places)
    }

    private mutating func number(of keywords: Keywords, _ numbers: inout [Keywords: UInt32]) -> UInt32 {
        if keywords.isEmpty { return 0 }
        if let number = numbers[keywords] { return number }
        let number = UInt32(keywordTable.count)
        keywordTable.append(keywords)
        numbers[keywords] = number
        return number
    }

    /// Sets that no message has any more go when they are more than those in use can be.
    private mutating func compactKeywords() {
        guard keywordTable.count > 64, keywordTable.count > 2 * uids.count + 64 || keywordTable.count > 4_096 else {
            return
        }
        var table: [Keywords] = [.none]
        var renumbered: [UInt32: UInt32] = [0: 0]
        for index in keywordNumbers.indices {
            let old = keywordNumbers[index]
            if renumbered[old] == nil {
                renumbered[old] = UInt32(table.count)
                table.append(keywordTable[Int(old)])
            }
            keywordNumbers[index] = renumbered[old] ?? 0
        }
        keywordTable = table
    }

    private mutating func reserve(_ count: Int) {
        uids.reserveCapacity(count)
        flagBits.reserveCapacity(count)
        keywordNumbers.reserveCapacity(count)
        modSeqs.reserveCapacity(count)
        emails.reserveCapacity(count)
        sizes.reserveCapacity(count)
        internalDates.reserveCapacity(count)
        savedDates.reserveCapacity(count)
    }
}

extension Array where Element == UInt32 {
    /// The first place in ascending numbers whose number is not below `value`.
    package func lowerBound(of value: UInt32) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension Array {
    /// Removes the elements at ascending places in one pass.
    mutating func removeAll(at places: [Int]) {
        guard var target = places.first else { return }
        var next = 1
        for source in (target + 1)..<Swift.max(count, target + 1) {
            if next < places.count, places[next] == source {
                next += 1
                continue
            }
            self[target] = self[source]
            target += 1
        }
        removeLast(count - target)
    }
}
