import ByteParsing
import MailModel

extension IMAPCommandParser {
    /// `"FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")")`.
    mutating func fetch(isUID: Bool) throws(IMAPParseError) -> IMAPCommand {
        try space()
        let set = try sequenceSet()
        try space()
        var items: [FetchItem] = []
        if cursor.skip(ASCII.leftParen) {
            repeat {
                items += try fetchItem(allowsMacro: false)
            } while cursor.skip(ASCII.space) && items.count < Limits.listItems
            guard cursor.skip(ASCII.rightParen) else { throw error("Expected )") }
        } else {
            items = try fetchItem(allowsMacro: true)
        }
        var seen: Set<FetchItem> = []
        return .fetch(set, items.filter { seen.insert($0).inserted }, isUID: isUID)
    }

    private mutating func fetchItem(allowsMacro: Bool) throws(IMAPParseError) -> [FetchItem] {
        let start = cursor.position
        let name = String(
            decoding: cursor.take { $0.isASCIIAlphanumeric || $0 == ASCII.dot }.map(\.asciiUppercased),
            as: UTF8.self
        )
        switch name {
        case "ALL" where allowsMacro: return [.flags, .internalDate, .rfc822Size, .envelope]
        case "FAST" where allowsMacro: return [.flags, .internalDate, .rfc822Size]
        case "FULL" where allowsMacro: return [.flags, .internalDate, .rfc822Size, .envelope, .body]
        case "ENVELOPE": return [.envelope]
        case "FLAGS": return [.flags]
        case "INTERNALDATE": return [.internalDate]
        case "UID": return [.uid]
        case "BODYSTRUCTURE": return [.bodyStructure]
        case "MODSEQ": return [.modSeq]
        case "EMAILID": return [.emailID]
        case "THREADID": return [.threadID]
        case "SAVEDATE": return [.saveDate]
        case "PREVIEW":
            _ = cursor.skip(ignoringCase: " (lazy)")
            return [.preview]
        case "RFC822": return [.rfc822]
        case "RFC822.HEADER": return [.rfc822Header]
        case "RFC822.TEXT": return [.rfc822Text]
        case "RFC822.SIZE": return [.rfc822Size]
        case "BODY" where cursor.peek != ASCII.leftBracket: return [.body]
        case "BODY", "BODY.PEEK":
            guard cursor.skip(ASCII.leftBracket) else { throw error("Expected [") }
            let section = try section()
            return [.section(section, partial: try partial(), isPeek: name == "BODY.PEEK")]
        case "BINARY", "BINARY.PEEK", "BINARY.SIZE":
            guard cursor.skip(ASCII.leftBracket) else { throw error("Expected [") }
            let part = try partNumbers()
            guard cursor.skip(ASCII.rightBracket) else { throw error("Expected ]") }
            if name == "BINARY.SIZE" { return [.binarySize(part)] }
            return [.binary(part, partial: try partial(), isPeek: name == "BINARY.PEEK")]
        default:
            cursor.position = start
            throw error("Unknown FETCH item")
        }
    }

    /// `section-part = nz-number *("." nz-number)`; stops before what is no number.
    private mutating func partNumbers() throws(IMAPParseError) -> [Int] {
        var numbers: [Int] = []
        while let digit = cursor.peek, digit.isASCIIDigit {
            guard numbers.count < Limits.partNumbers, let number = cursor.number(maximum: UInt64(Int32.max)), number > 0
            else {
                throw error("Expected a part number")
            }
            numbers.append(Int(number))
            guard cursor.peek == ASCII.dot, let next = cursor.peek(at: 1), next.isASCIIDigit else { break }
            _ = cursor.next()
        }
        return numbers
    }

    /// `section-spec "]"`.
    private mutating func section() throws(IMAPParseError) -> BodySection {
        let part = try partNumbers()
        var text = BodySection.Text.everything
        if part.isEmpty || cursor.skip(ASCII.dot) {
            if cursor.skip(ignoringCase: "header.fields.not ") {
                text = .headerFieldsNot(try headerList())
            } else if cursor.skip(ignoringCase: "header.fields ") {
                text = .headerFields(try headerList())
            } else if cursor.skip(ignoringCase: "header") {
                text = .header
            } else if cursor.skip(ignoringCase: "text") {
                text = .text
            } else if !part.isEmpty, cursor.skip(ignoringCase: "mime") {
                text = .mime
            } else if !part.isEmpty {
                throw error("Unknown section")
            }
        }
        guard cursor.skip(ASCII.rightBracket) else { throw error("Expected ]") }
        return BodySection(part: part, text: text, written: Self.written(part, text))
    }

    /// The section for the response: keywords in upper case, no literals.
    private static func written(_ part: [Int], _ text: BodySection.Text) -> [UInt8] {
        var output = Array(part.map { "\($0)" }.joined(separator: ".").utf8)
        func add(_ word: StaticString, _ names: [[UInt8]] = []) {
            if !output.isEmpty { output.append(ASCII.dot) }
            word.withUTF8Buffer { unsafe output.append(contentsOf: $0) }
            guard !names.isEmpty else { return }
            output += [ASCII.space, ASCII.leftParen]
            for (index, name) in names.enumerated() {
                if index > 0 { output.append(ASCII.space) }
                let isAtom = !name.isEmpty && name.allSatisfy { astringOctets.contains($0) }
                output +=
                    isAtom
                    ? name
                    : [ASCII.quote]
                        + name.flatMap { $0 == ASCII.quote || $0 == ASCII.backslash ? [ASCII.backslash, $0] : [$0] } + [
                            ASCII.quote
                        ]
            }
            output.append(ASCII.rightParen)
        }
        switch text {
        case .everything: ()
        case .header: add("HEADER")
        case .headerFields(let names): add("HEADER.FIELDS", names)
        case .headerFieldsNot(let names): add("HEADER.FIELDS.NOT", names)
        case .text: add("TEXT")
        case .mime: add("MIME")
        }
        return output
    }

    /// `header-list`; names that no header field can have (RFC 5322 §2.2) are refused where they could not be quoted back.
    private mutating func headerList() throws(IMAPParseError) -> [[UInt8]] {
        guard cursor.skip(ASCII.leftParen) else { throw error("Expected (") }
        var names: [[UInt8]] = []
        repeat {
            let name = try astring()
            guard name.allSatisfy({ $0 >= 32 && $0 < 127 }) else { throw error("Expected a header field name") }
            names.append(name)
        } while cursor.skip(ASCII.space) && names.count < Limits.listItems
        guard cursor.skip(ASCII.rightParen) else { throw error("Expected )") }
        return names
    }

    /// `"<" number "." nz-number ">"`.
    private mutating func partial() throws(IMAPParseError) -> Range<Int>? {
        guard cursor.skip(ASCII.less) else { return nil }
        guard let start = cursor.number(maximum: UInt64(UInt32.max)), cursor.skip(ASCII.dot),
            let count = cursor.number(maximum: UInt64(UInt32.max)), count > 0, cursor.skip(ASCII.greater)
        else { throw error("Expected <start.count>") }
        return Int(start)..<Int(start + count)
    }

    /// `"STORE" SP sequence-set [SP store-modifiers] SP store-att-flags`.
    mutating func store(isUID: Bool) throws(IMAPParseError) -> IMAPCommand {
        try space()
        let set = try sequenceSet()
        try space()
        var unchangedSince: Int64?
        if cursor.skip(ignoringCase: "(unchangedsince ") {
            guard let number = cursor.number(maximum: UInt64(Int64.max)), cursor.skip(ASCII.rightParen) else {
                throw error("Expected a modification sequence")
            }
            unchangedSince = Int64(number)
            try space()
        }
        var mode = StoreCommand.Mode.replace
        if cursor.skip(ASCII.plus) { mode = .add } else if cursor.skip(ASCII.minus) { mode = .remove }
        guard cursor.skip(ignoringCase: "flags") else { throw error("Expected FLAGS") }
        let isSilent = cursor.skip(ignoringCase: ".silent")
        try space()
        var flags = FlagList()
        if cursor.peek == ASCII.leftParen { flags = try flagList() } else { try self.flags(into: &flags) }
        return .store(
            StoreCommand(set: set, mode: mode, isSilent: isSilent, flags: flags, unchangedSince: unchangedSince),
            isUID: isUID
        )
    }
}
