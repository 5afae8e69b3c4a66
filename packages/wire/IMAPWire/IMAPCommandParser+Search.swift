import ByteParsing
import MailModel

extension IMAPCommandParser {
    /// `"SEARCH" [search-return-opts] SP ["CHARSET" SP charset SP] search-key *(SP search-key)`.
    mutating func search() throws(IMAPParseError) -> SearchCommand {
        var returns: Set<SearchCommand.ReturnOption>?
        try space()
        if cursor.skip(ignoringCase: "return (") {
            var options: Set<SearchCommand.ReturnOption> = []
            while !cursor.skip(ASCII.rightParen) {
                _ = cursor.skip(ASCII.space)
                guard
                    let option = SearchCommand.ReturnOption(
                        rawValue: String(decoding: try atom().map(\.asciiUppercased), as: UTF8.self)
                    )
                else {
                    throw error("Unknown SEARCH return option")
                }
                options.insert(option)
            }
            // RFC 4731 §3.1: none named means ALL.
            returns = options.isEmpty ? [.all] : options
            try space()
        }
        var charset: String?
        if cursor.skip(ignoringCase: "charset ") {
            charset = String(decoding: try astring(), as: UTF8.self)
            try space()
        }
        var budget = Limits.searchKeys
        let key = try searchKeys(depth: 0, &budget)
        return SearchCommand(returns: returns, charset: charset, key: key)
    }

    private mutating func searchKeys(depth: Int, _ budget: inout Int) throws(IMAPParseError) -> SearchKey {
        var keys = [try searchKey(depth: depth, &budget)]
        while cursor.skip(ASCII.space) { keys.append(try searchKey(depth: depth, &budget)) }
        return keys.count == 1 ? keys[0] : .and(keys)
    }

    private mutating func searchKey(depth: Int, _ budget: inout Int) throws(IMAPParseError) -> SearchKey {
        budget -= 1
        guard depth < Limits.searchDepth, budget > 0 else { throw error("The search is too deep or too long") }
        if cursor.skip(ASCII.leftParen) {
            let inner = try searchKeys(depth: depth + 1, &budget)
            guard cursor.skip(ASCII.rightParen) else { throw error("Expected )") }
            return inner
        }
        if let first = cursor.peek, first.isASCIIDigit || first == ASCII.star || first == 36 {
            return .sequence(try sequenceSet())
        }
        let name = String(decoding: cursor.take { $0.isASCIIAlphanumeric }.map(\.asciiUppercased), as: UTF8.self)
        switch name {
        case "OR":
            try space()
            let left = try searchKey(depth: depth + 1, &budget)
            try space()
            return .or(left, try searchKey(depth: depth + 1, &budget))
        case "NOT":
            try space()
            return .not(try searchKey(depth: depth + 1, &budget))
        case "HEADER":
            let field = try argument()
            return .header(name: field, value: try argument())
        case "MODSEQ": return try modSeqKey()
        default:
            if let key = flagKey(name) { return key }
            if let key = try textKey(name) { return key }
            if let key = try dateKey(name) { return key }
            return try otherKey(name)
        }
    }

    private func flagKey(_ name: String) -> SearchKey? {
        switch name {
        case "ALL": .all
        case "ANSWERED": .flag(.answered)
        case "DELETED": .flag(.deleted)
        case "DRAFT": .flag(.draft)
        case "FLAGGED": .flag(.flagged)
        case "SEEN": .flag(.seen)
        case "UNANSWERED": .not(.flag(.answered))
        case "UNDELETED": .not(.flag(.deleted))
        case "UNDRAFT": .not(.flag(.draft))
        case "UNFLAGGED": .not(.flag(.flagged))
        case "UNSEEN": .not(.flag(.seen))
        case "RECENT", "NEW": .recent
        case "OLD": .not(.recent)
        default: nil
        }
    }

    private mutating func argument() throws(IMAPParseError) -> [UInt8] {
        try space()
        return try astring()
    }

    private mutating func textKey(_ name: String) throws(IMAPParseError) -> SearchKey? {
        switch name {
        case "SUBJECT": .subject(try argument())
        case "FROM": .from(try argument())
        case "TO": .to(try argument())
        case "CC": .cc(try argument())
        case "BCC": .bcc(try argument())
        case "BODY": .body(try argument())
        case "TEXT": .text(try argument())
        default: nil
        }
    }

    private mutating func day() throws(IMAPParseError) -> Int64 {
        try space()
        let text = cursor.peek == ASCII.quote ? quoted() ?? [] : try atom()
        guard let day = IMAPDate.parseDay(text) else { throw error("Expected a date") }
        return day
    }

    private mutating func dateKey(_ name: String) throws(IMAPParseError) -> SearchKey? {
        switch name {
        case "BEFORE": .before(try day())
        case "ON": .on(try day())
        case "SINCE": .since(try day())
        case "SENTBEFORE": .sentBefore(try day())
        case "SENTON": .sentOn(try day())
        case "SENTSINCE": .sentSince(try day())
        case "SAVEDBEFORE": .savedBefore(try day())
        case "SAVEDON": .savedOn(try day())
        case "SAVEDSINCE": .savedSince(try day())
        default: nil
        }
    }

    private mutating func number() throws(IMAPParseError) -> Int64 {
        try space()
        guard let number = cursor.number(maximum: UInt64(Int64.max)) else { throw error("Expected a number") }
        return Int64(number)
    }

    private mutating func otherKey(_ name: String) throws(IMAPParseError) -> SearchKey {
        switch name {
        case "LARGER": return .larger(Int(try number()))
        case "SMALLER": return .smaller(Int(try number()))
        case "OLDER": return .older(try number())
        case "YOUNGER": return .younger(try number())
        case "KEYWORD", "UNKEYWORD":
            try space()
            let keyword = SearchKey.keyword(String(decoding: try atom(), as: UTF8.self))
            return name == "KEYWORD" ? keyword : .not(keyword)
        case "UID":
            try space()
            return .uid(try sequenceSet())
        case "EMAILID": return .emailID(String(decoding: try argument(), as: UTF8.self))
        case "THREADID": return .threadID(String(decoding: try argument(), as: UTF8.self))
        default: throw error("Unknown search key")
        }
    }

    /// RFC 7162 §3.1.5: `"MODSEQ" [SP entry-name SP entry-type] SP mod-sequence-valzer`.
    private mutating func modSeqKey() throws(IMAPParseError) -> SearchKey {
        try space()
        if cursor.peek == ASCII.quote {
            _ = try string()
            try space()
            _ = try atom()
            try space()
        }
        guard let number = cursor.number(maximum: UInt64(Int64.max)) else {
            throw error("Expected a modification sequence")
        }
        return .modSeq(Int64(number))
    }
}
