import ByteParsing
import MailModel

extension IMAPCommandParser {
    /// `"SELECT" SP mailbox [SP "(" parameters ")"]`: CONDSTORE is taken and means nothing more here.
    mutating func select(isReadOnly: Bool) throws(IMAPParseError) -> IMAPCommand {
        let mailbox = try spacedMailbox()
        if cursor.skip(ASCII.space) {
            guard cursor.skip(ASCII.leftParen), cursor.skip(ignoringCase: "condstore"), cursor.skip(ASCII.rightParen)
            else {
                throw error("Unknown SELECT parameter")
            }
        }
        return .select(mailbox, isReadOnly: isReadOnly)
    }

    /// RFC 6154 §5.3: `create-param = "USE" SP "(" [use-attr *(SP use-attr)] ")"`.
    mutating func create() throws(IMAPParseError) -> IMAPCommand {
        let mailbox = try spacedMailbox()
        var uses: [SpecialUse] = []
        if cursor.skip(ASCII.space) {
            guard cursor.skip(ASCII.leftParen), cursor.skip(ignoringCase: "use ("), true else {
                throw error("Unknown CREATE parameter")
            }
            while !cursor.skip(ASCII.rightParen) {
                _ = cursor.skip(ASCII.space)
                guard cursor.skip(ASCII.backslash),
                    let use = SpecialUse(rawValue: String(decoding: try atom().map(\.asciiLowercased), as: UTF8.self))
                else { throw error("Unknown special use") }
                uses.append(use)
            }
            guard cursor.skip(ASCII.rightParen) else { throw error("Expected )") }
        }
        return .create(mailbox, specialUses: uses)
    }

    mutating func statusItems() throws(IMAPParseError) -> [StatusItem] {
        guard cursor.skip(ASCII.leftParen) else { throw error("Expected (") }
        var items: [StatusItem] = []
        repeat {
            let name = String(decoding: try atom().map(\.asciiUppercased), as: UTF8.self)
            guard let item = StatusItem(rawValue: name) else { throw error("Unknown STATUS item") }
            items.append(item)
        } while cursor.skip(ASCII.space) && items.count < 20
        guard cursor.skip(ASCII.rightParen) else { throw error("Expected )") }
        return items
    }

    /// RFC 9051 §6.3.9: `"LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]`.
    mutating func list() throws(IMAPParseError) -> IMAPCommand {
        var command = ListCommand(reference: "", patterns: [])
        try space()
        if cursor.skip(ASCII.leftParen) {
            command.isExtended = true
            while !cursor.skip(ASCII.rightParen) {
                _ = cursor.skip(ASCII.space)
                switch String(decoding: try atom().map(\.asciiUppercased), as: UTF8.self) {
                case "SUBSCRIBED": command.selectsSubscribed = true
                case "REMOTE": command.selectsRemote = true
                case "RECURSIVEMATCH": command.isRecursiveMatch = true
                case "SPECIAL-USE": command.selectsSpecialUse = true
                default: throw error("Unknown LIST selection option")
                }
            }
            try space()
            // RFC 5258 §3.1: RECURSIVEMATCH alone selects nothing.
            guard !command.isRecursiveMatch || command.selectsSubscribed || command.selectsSpecialUse else {
                throw error("RECURSIVEMATCH needs another selection option")
            }
        }
        command.reference = try nameText()
        try space()
        if cursor.skip(ASCII.leftParen) {
            command.isExtended = true
            repeat {
                command.patterns.append(try pattern())
            } while cursor.skip(ASCII.space) && command.patterns.count < 100
            guard cursor.skip(ASCII.rightParen) else { throw error("Expected )") }
        } else {
            command.patterns = [try pattern()]
        }
        if cursor.skip(ASCII.space) { try returnOptions(&command) }
        return .list(command)
    }

    private mutating func returnOptions(_ command: inout ListCommand) throws(IMAPParseError) {
        guard cursor.skip(ignoringCase: "return ("), true else { throw error("Expected RETURN") }
        command.isExtended = true
        while !cursor.skip(ASCII.rightParen) {
            _ = cursor.skip(ASCII.space)
            switch String(decoding: try atom().map(\.asciiUppercased), as: UTF8.self) {
            case "SUBSCRIBED": command.returnsSubscribed = true
            case "CHILDREN": command.returnsChildren = true
            case "SPECIAL-USE": command.returnsSpecialUse = true
            case "MYRIGHTS": command.returnsMyRights = true
            case "STATUS":
                try space()
                command.returnsStatus = try statusItems()
            default: throw error("Unknown LIST return option")
            }
        }
    }
}
