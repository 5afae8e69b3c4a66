import ByteParsing
import MailModel

/// Reads one command from the octets that `IMAPFramer` gathered (RFC 9051 §9).
package struct IMAPCommandParser {
    var cursor: ByteCursor
    var tag: String?
    let isUTF8: Bool

    package struct Limits: Sendable {
        /// Octets of a tag.
        package static let tag = 100
        /// Search keys in search keys.
        package static let searchDepth = 50
        package static let searchKeys = 2_000
        package static let listItems = 1_000
        package static let partNumbers = 60
        /// Octets of an identifier (RFC 4314 §2): an address has 320 at most.
        package static let identifier = 320
    }

    private init(_ bytes: [UInt8], isUTF8: Bool) {
        cursor = ByteCursor(bytes)
        self.isUTF8 = isUTF8
    }

    /// - Parameter isUTF8: the client has enabled UTF8=ACCEPT or IMAP4rev2: names are UTF-8, not modified UTF-7.
    package static func parse(_ bytes: [UInt8], isUTF8: Bool) throws(IMAPParseError) -> TaggedCommand {
        var parser = IMAPCommandParser(bytes, isUTF8: isUTF8)
        let tag = try parser.readTag()
        let command = try parser.command()
        guard parser.cursor.isAtEnd else { throw parser.error("Unexpected text after the command") }
        return TaggedCommand(tag: tag, command: command)
    }

    /// The head of an APPEND.
    package static func parseAppend(_ head: [UInt8], isUTF8: Bool) throws(IMAPParseError) -> AppendCommand {
        var parser = IMAPCommandParser(head, isUTF8: isUTF8)
        let tag = try parser.readTag()
        _ = parser.cursor.skip(ignoringCase: "append")
        try parser.space()
        let mailbox = try parser.mailbox()
        try parser.space()
        var flags = FlagList()
        if parser.cursor.peek == ASCII.leftParen {
            flags = try parser.flagList()
            try parser.space()
        }
        var date: Timestamp?
        if parser.cursor.peek == ASCII.quote {
            guard let text = parser.quoted(), let parsed = IMAPDate.parse(text) else {
                throw parser.error("Expected a date-time")
            }
            date = parsed
            try parser.space()
        }
        if parser.cursor.skip(ignoringCase: "utf8 (") { _ = parser.cursor.skip(ASCII.tilde) }
        guard parser.cursor.isAtEnd else { throw parser.error("Expected the message as a literal") }
        return AppendCommand(tag: tag, mailbox: mailbox, flags: flags, internalDate: date)
    }

    /// The tag of a line that may be anything, to answer it.
    package static func tag(of bytes: [UInt8]) -> String? {
        var parser = IMAPCommandParser(bytes, isUTF8: false)
        _ = try? parser.readTag()
        return parser.tag
    }

    func error(_ hint: String) -> IMAPParseError { IMAPParseError(tag: tag, hint: hint) }

    private mutating func command() throws(IMAPParseError) -> IMAPCommand {
        let word = cursor.take { $0.isASCIIAlphanumeric }
        let name = String(decoding: word.map(\.asciiUppercased), as: UTF8.self)
        switch name {
        case "CAPABILITY": return .capability
        case "NOOP": return .noop
        case "LOGOUT": return .logout
        case "ID": return try id()
        case "STARTTLS": return .startTLS
        case "AUTHENTICATE": return try authenticate()
        case "LOGIN":
            try space()
            let user = try astring()
            try space()
            return .login(user: user, password: try astring())
        case "ENABLE": return .enable(try words())
        case "SELECT": return try select(isReadOnly: false)
        case "EXAMINE": return try select(isReadOnly: true)
        case "CREATE": return try create()
        case "DELETE": return .delete(try spacedMailbox())
        case "RENAME":
            let old = try spacedMailbox()
            return .rename(old, to: try spacedMailbox())
        case "SUBSCRIBE": return .subscribe(try spacedMailbox())
        case "UNSUBSCRIBE": return .unsubscribe(try spacedMailbox())
        case "LIST": return try list()
        case "LSUB":
            try space()
            let reference = try nameText()
            try space()
            return .lsub(reference: reference, pattern: try pattern())
        case "NAMESPACE": return .namespace
        case "STATUS":
            let mailbox = try spacedMailbox()
            try space()
            return .status(mailbox, try statusItems())
        case "IDLE": return .idle
        case "GETQUOTA":
            try space()
            return .getQuota(root: try astring())
        case "GETQUOTAROOT": return .getQuotaRoot(try spacedMailbox())
        case "SETACL": return .setACL(try spacedMailbox(), try rightsChange())
        case "DELETEACL": return .deleteACL(try spacedMailbox(), identifier: try identifier())
        case "GETACL": return .getACL(try spacedMailbox())
        case "LISTRIGHTS": return .listRights(try spacedMailbox(), identifier: try identifier())
        case "MYRIGHTS": return .myRights(try spacedMailbox())
        case "APPEND": throw error("Expected the message as a literal")
        case "CHECK": return .check
        case "CLOSE": return .close
        case "UNSELECT": return .unselect
        case "EXPUNGE": return .expunge
        case "SEARCH": return .search(try search(), isUID: false)
        case "FETCH": return try fetch(isUID: false)
        case "STORE": return try store(isUID: false)
        case "COPY", "MOVE": return try transfer(name, isUID: false)
        case "UID": return try uidCommand()
        default: throw error("Unknown command")
        }
    }

    private mutating func uidCommand() throws(IMAPParseError) -> IMAPCommand {
        try space()
        let name = String(decoding: cursor.take { $0.isASCIIAlphanumeric }.map(\.asciiUppercased), as: UTF8.self)
        switch name {
        case "SEARCH": return .search(try search(), isUID: true)
        case "FETCH": return try fetch(isUID: true)
        case "STORE": return try store(isUID: true)
        case "COPY", "MOVE": return try transfer(name, isUID: true)
        case "EXPUNGE":
            try space()
            return .uidExpunge(try sequenceSet())
        default: throw error("Unknown UID command")
        }
    }

    private mutating func transfer(_ name: String, isUID: Bool) throws(IMAPParseError) -> IMAPCommand {
        try space()
        let set = try sequenceSet()
        let mailbox = try spacedMailbox()
        return name == "COPY" ? .copy(set, mailbox, isUID: isUID) : .move(set, mailbox, isUID: isUID)
    }

    /// `"AUTHENTICATE" SP auth-type [SP initial-resp]`.
    private mutating func authenticate() throws(IMAPParseError) -> IMAPCommand {
        try space()
        let mechanism = String(decoding: try atom().map(\.asciiUppercased), as: UTF8.self)
        guard cursor.skip(ASCII.space) else { return .authenticate(mechanism: mechanism, initialResponse: nil) }
        let text = cursor.take { $0 > 32 && $0 < 127 }
        // RFC 4959 §3: "=" is an empty response.
        if text.elementsEqual([ASCII.equal]) { return .authenticate(mechanism: mechanism, initialResponse: []) }
        guard let response = Base64.decode(text) else { throw error("Expected base 64") }
        return .authenticate(mechanism: mechanism, initialResponse: response)
    }

    /// RFC 2971: `"ID" SP (NIL / "(" string SP nstring … ")")`.
    private mutating func id() throws(IMAPParseError) -> IMAPCommand {
        try space()
        if cursor.skip(ignoringCase: "nil") { return .id([:]) }
        guard cursor.skip(ASCII.leftParen) else { throw error("Expected ( or NIL") }
        var fields: [String: String] = [:]
        while !cursor.skip(ASCII.rightParen) {
            if !fields.isEmpty || cursor.peek == ASCII.space { try space() }
            let key = String(decoding: try string().prefix(30), as: UTF8.self)
            try space()
            let value = cursor.skip(ignoringCase: "nil") ? [] : try string()
            // RFC 2971 §3.3: at most 30 pairs.
            guard fields.count < 30 else { throw error("Too many ID fields") }
            fields[key] = String(decoding: value.prefix(1_024), as: UTF8.self)
        }
        return .id(fields)
    }
}
