import ByteParsing
import MailModel

extension SieveRun {
    mutating func isTrue(_ test: SieveTest) throws(SieveRunFault) -> Bool {
        try fuel.burn()
        switch test {
        case .constant(let value): return value
        case .not(let inner): return try !isTrue(inner)
        // RFC 5228 §5.2, §5.3: from left to right, and no further than needed.
        case .all(let tests):
            for inner in tests where try !isTrue(inner) { return false }
            return true
        case .any(let tests):
            for inner in tests where try isTrue(inner) { return true }
            return false
        case .header(let header): return try isTrue(header)
        case .address(let address): return try isTrue(address)
        case .envelope(let match, let part, let names, let keys):
            return try matches(try envelope(part, try expand(names)), try expand(keys), match)
        case .exists(let names, let mime): return try exist(try expand(names), mime)
        case .size(let isOver, let limit): return isOver ? message.size > limit : message.size < limit
        case .string(let match, let sources, let keys):
            var values = try expand(sources)
            // RFC 5229 §5: an empty string counts 0.
            if match.counts { values.removeAll(where: \.isEmpty) }
            return try matches(values, try expand(keys), match)
        case .hasFlag(let match, let variables, let keys): return try hasFlag(match, variables, keys)
        case .date(let date): return try isTrue(date)
        case .environment(let match, let name, let keys):
            let item = string(try expand(name).map(\.asciiLowercased))
            guard let value = facts.environment[item] else { return false }
            return try matches([Array(value.utf8)], try expand(keys), match)
        case .body(let body): return try isTrue(body)
        case .mailboxExists(let names):
            for name in try expand(names) {
                guard let mailbox = String(validating: name, as: UTF8.self), facts.mailboxExists(mailbox) else {
                    return false
                }
            }
            return true
        case .specialUseExists(let mailbox, let uses):
            var name: String?
            if let mailbox { name = string(try expand(mailbox)) }
            for use in try expand(uses) where !facts.specialUse(string(use), name) { return false }
            return true
        case .duplicate(let duplicate): return try isDuplicate(duplicate)
        }
    }

    // MARK: - Values and keys

    /// Whether one of the values fits one of the keys (RFC 5228 §2.7.1).
    mutating func matches(
        _ values: [[UInt8]],
        _ keys: [[UInt8]],
        _ match: SieveMatch,
        setsCaptures: Bool = true
    ) throws(SieveRunFault) -> Bool {
        // RFC 5231 §4.2: the number of values, as a string.
        let values = match.counts ? [Array("\(values.count)".utf8)] : values
        for value in values {
            for key in keys {
                let (isMatch, captured) = try match.compare(value, key, &fuel)
                guard isMatch else { continue }
                if setsCaptures, let captured {
                    captures = captured.prefix(SieveTemplate.matchVariables).map {
                        Self.cut($0, to: limits.variableLength)
                    }
                    try fuel.burn(captures.count)
                }
                return true
            }
        }
        return false
    }

    /// The one that an index names, or all.
    func indexed<Element>(_ all: [Element], _ index: SieveIndex?) -> [Element] {
        guard let index else { return all }
        guard index.number <= all.count else { return [] }
        let place = index.isFromLast ? all.count - Int(index.number) : Int(index.number) - 1
        return [all[place]]
    }

    // MARK: - Headers, addresses, envelope

    private mutating func isTrue(_ test: SieveHeaderTest) throws(SieveRunFault) -> Bool {
        var values: [[UInt8]] = []
        let names = try expand(test.names)
        for name in names {
            for source in try sources(test.mime) {
                let found = indexed(try named(name, in: source), test.index)
                for value in found { values += try texts(value, test.mime?.part ?? .whole) }
            }
        }
        return try matches(values, try expand(test.keys), test.match)
    }

    private mutating func isTrue(_ test: SieveAddressTest) throws(SieveRunFault) -> Bool {
        var values: [[UInt8]] = []
        for name in try expand(test.names) {
            for source in try sources(test.mime) {
                for value in indexed(try named(name, in: source), test.index) {
                    try fuel.burn(value.count)
                    values += SieveAddress.parse(value).compactMap { $0.part(test.part) }
                }
            }
        }
        return try matches(values, try expand(test.keys), test.match)
    }

    mutating func named(_ name: [UInt8], in fields: [SieveField]) throws(SieveRunFault) -> [[UInt8]] {
        try fuel.burn(fields.count + 1)
        return fields.filter { $0.name.equalsIgnoringASCIICase(name) }.map(\.value)
    }

    private mutating func exist(_ names: [[UInt8]], _ mime: SieveMIMEOption?) throws(SieveRunFault) -> Bool {
        let sources = try sources(mime)
        try fuel.burn(names.count * sources.reduce(1) { $0 + $1.count })
        return names.allSatisfy { name in
            sources.contains { $0.contains { $0.name.equalsIgnoringASCIICase(name) } }
        }
    }

    /// RFC 5228 §5.4: the null reverse-path is the empty string, whatever part is asked.
    private func envelope(_ part: SieveAddressPart, _ names: [[UInt8]]) throws(SieveRunFault) -> [[UInt8]] {
        var values: [[UInt8]] = []
        for name in names {
            switch String(decoding: name.map(\.asciiLowercased), as: UTF8.self) {
            case "from": values += addressPart(facts.envelopeFrom, part)
            case "to": values += addressPart(facts.envelopeTo, part)
            // RFC 5228 §5.4 names from and to; the rest is up to the platform, and no address needs be there.
            case "auth": values += (facts.envelopeAuth.map { addressPart($0, part) } ?? [])
            default: throw fault(.value, "The envelope has no part \(quoted(name)); look at the variables in it.")
            }
        }
        return values
    }

    private func addressPart(_ address: String?, _ part: SieveAddressPart) -> [[UInt8]] {
        guard let address else { return [] }
        let text = Array(address.utf8)
        guard !text.isEmpty else { return [[]] }
        if part == .all { return [text] }
        guard let parsed = SieveAddress.parse(text, limit: 1).first else { return part == .localPart ? [text] : [] }
        return parsed.part(part).map { [$0] } ?? []
    }

    // MARK: - Flags, dates, duplicates

    /// RFC 5232 §4.
    private mutating func hasFlag(
        _ match: SieveMatch,
        _ variables: [SieveTemplate]?,
        _ keys: [SieveTemplate]
    ) throws(SieveRunFault) -> Bool {
        var values = flags
        if let variables {
            values = try expand(variables).flatMap { flagList(of: $0.map(\.asciiLowercased)) }
        }
        var keys = try expand(keys)
        // A string may hold several flags (RFC 5232 §2); numbers stay as they are.
        switch match.kind {
        case .equals, .contains, .matches: keys = keys.flatMap { $0.split { $0 <= 32 }.map(Array.init) }
        case .value, .count: ()
        }
        return try matches(values, keys, match)
    }

    /// RFC 5260 §4 and §5.
    private mutating func isTrue(_ test: SieveDateTest) throws(SieveRunFault) -> Bool {
        var date = SieveDate(seconds: facts.now.seconds, zone: facts.zone)
        var dates = [date]
        if let header = test.header {
            let values = indexed(try named(try expand(header), in: fields), test.index)
            // RFC 5260 §4: "If there are multiple header fields, the first one is used" without an index.
            dates = values.prefix(1).compactMap(SieveDate.init(header:))
        }
        guard let first = dates.first else {
            return test.match.counts ? try matches([], try expand(test.keys), test.match) : false
        }
        date = first
        switch test.zone {
        case .original: ()  // As the header says.
        case .local: date.zone = facts.zone
        case .given(let template):
            let text = try expand(template)
            guard let zone = SieveDate.zone(text) else {
                throw fault(.value, "\(quoted(text)) is no time zone; look at the variables in it.")
            }
            date.zone = zone
        }
        let name = try expand(test.part)
        guard let part = SieveDatePart(name) else {
            throw fault(.value, "\(quoted(name)) is no part of a date; look at the variables in it.")
        }
        return try matches([date.told(part)], try expand(test.keys), test.match)
    }

    /// RFC 7352 §3: what a message has none of cannot be a duplicate.
    private mutating func isDuplicate(_ test: SieveDuplicateTest) throws(SieveRunFault) -> Bool {
        var id: [UInt8]?
        if let unique = test.uniqueID {
            id = try expand(unique)
        } else {
            let name = try test.header.map { template throws(SieveRunFault) in try expand(template) }
            id = try named(name ?? Array("message-id".utf8), in: fields).first
        }
        guard let id, !id.isEmpty else { return false }
        var handle: [UInt8] = []
        if let template = test.handle { handle = try expand(template, limit: 1_000) }
        let duplicate = SieveDuplicate(
            handle: string(handle),
            id: string(Self.cut(id, to: 2_000)),
            seconds: max(0, min(test.seconds ?? 7 * 86_400, limits.duplicateSeconds)),
            isRenewed: test.isRenewed
        )
        let isSeen = facts.isDuplicate(duplicate)
        if !isSeen || test.isRenewed, !outcome.duplicates.contains(duplicate) { outcome.duplicates.append(duplicate) }
        return isSeen
    }
}
