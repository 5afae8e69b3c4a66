import ByteParsing

/// A string as it is written, and where.
struct SieveLiteral: Sendable {
    var bytes: [UInt8]
    var place: SievePlace
}

/// One argument as it is written (RFC 5228 §2.6).
struct SieveArgument: Sendable {
    enum Value: Sendable {
        case number(Int64)
        case string(SieveLiteral)
        case list([SieveLiteral])
        case tag([UInt8])
    }

    var value: Value
    var place: SievePlace
}

/// A command or a test as it is written: nothing of it is looked up yet.
struct SieveNode: Sendable {
    /// In lower case.
    var name: [UInt8]
    var place: SievePlace
    var arguments: [SieveArgument] = []
    var tests: [SieveNode] = []
    /// Whether the tests stand in parentheses.
    var hasTestList = false
    /// nil when a semicolon ends the command.
    var block: [SieveNode]?

    var title: String { quoted(name) }
}

/// The grammar of RFC 5228 §8.2, by recursive descent with bounded depth.
struct SieveParser {
    private var lexer: SieveLexer
    private var token: SieveToken
    private let limits: SieveLimits
    private var commandCount = 0
    private var testCount = 0
    private var argumentCount = 0

    init(_ bytes: [UInt8], limits: SieveLimits) throws(SieveFault) {
        lexer = try SieveLexer(bytes, limits: limits)
        self.limits = limits
        token = try lexer.next()
    }

    /// `start = commands`.
    mutating func script() throws(SieveFault) -> [SieveNode] {
        let commands = try commands(depth: 0)
        guard token.kind == .end else {
            throw token.place.fault("\(token.name) stands where a command is due; remove it.")
        }
        return commands
    }

    private mutating func take() throws(SieveFault) { token = try lexer.next() }

    private mutating func takes(_ mark: Character) throws(SieveFault) -> Bool {
        guard let byte = mark.asciiValue, token.kind == .mark(byte) else { return false }
        try take()
        return true
    }

    /// `commands = *command`.
    private mutating func commands(depth: Int) throws(SieveFault) -> [SieveNode] {
        var commands: [SieveNode] = []
        while case .identifier = token.kind { commands.append(try command(depth: depth)) }
        return commands
    }

    /// `command = identifier arguments (";" / block)`.
    private mutating func command(depth: Int) throws(SieveFault) -> SieveNode {
        commandCount += 1
        guard commandCount <= limits.commands else {
            throw token.place.fault("The script has more than \(limits.commands) commands; shorten it.")
        }
        var node = try head(depth: 0)
        if try takes(";") { return node }
        guard token.kind == .mark(UInt8(ascii: "{")) else {
            throw token.place.fault(
                "\(token.name) follows \(node.title); end the command with \";\" or open a block with \"{\"."
            )
        }
        guard depth < limits.blockDepth else {
            throw token.place.fault("More than \(limits.blockDepth) blocks are within one another; flatten them.")
        }
        let start = token.place
        try take()
        node.block = try commands(depth: depth + 1)
        guard try takes("}") else {
            throw token.kind == .end
                ? start.fault("The block does not end; close it with \"}\".")
                : token.place.fault("\(token.name) stands where a command or \"}\" is due.")
        }
        return node
    }

    /// `arguments = *argument [ test / test-list ]`, with the identifier before it.
    private mutating func head(depth: Int) throws(SieveFault) -> SieveNode {
        guard case .identifier(let name) = token.kind else {
            throw token.place.fault("\(token.name) stands where a name is due.")
        }
        var node = SieveNode(name: name, place: token.place)
        try take()
        while let argument = try argument() { node.arguments.append(argument) }
        if case .identifier = token.kind {
            node.tests = [try test(depth: depth + 1)]
        } else if try takes("(") {
            node.hasTestList = true
            repeat { node.tests.append(try test(depth: depth + 1)) } while try takes(",")
            guard try takes(")") else {
                throw token.place.fault("\(token.name) stands where \",\" or \")\" is due; close the list of tests.")
            }
        }
        return node
    }

    /// `test = identifier arguments`.
    private mutating func test(depth: Int) throws(SieveFault) -> SieveNode {
        testCount += 1
        guard case .identifier = token.kind else {
            throw token.place.fault("\(token.name) stands where a test is due; write one, such as header or true.")
        }
        guard testCount <= limits.tests else {
            throw token.place.fault("The script has more than \(limits.tests) tests; shorten it.")
        }
        guard depth <= limits.testDepth else {
            throw token.place.fault("More than \(limits.testDepth) tests are within one another; flatten them.")
        }
        return try head(depth: depth)
    }

    /// `argument = string-list / number / tag`; nil when none begins here.
    private mutating func argument() throws(SieveFault) -> SieveArgument? {
        let place = token.place
        let value: SieveArgument.Value
        switch token.kind {
        case .number(let number): value = .number(number)
        case .tag(let name): value = .tag(name)
        case .string(let bytes): value = .string(SieveLiteral(bytes: bytes, place: place))
        case .mark(UInt8(ascii: "[")):
            try take()
            return SieveArgument(value: .list(try list(place)), place: place)
        case .mark, .identifier, .end: return nil
        }
        try count(place)
        try take()
        return SieveArgument(value: value, place: place)
    }

    private mutating func count(_ place: SievePlace) throws(SieveFault) {
        argumentCount += 1
        guard argumentCount <= limits.arguments else {
            throw place.fault("The script has more than \(limits.arguments) strings and numbers; shorten it.")
        }
    }

    /// `string-list = "[" string *("," string) "]"`.
    private mutating func list(_ start: SievePlace) throws(SieveFault) -> [SieveLiteral] {
        var strings: [SieveLiteral] = []
        repeat {
            guard case .string(let bytes) = token.kind else {
                throw token.place.fault("\(token.name) stands where a string is due; a list has one string at least.")
            }
            guard strings.count < limits.listItems else {
                throw start.fault("The list has more than \(limits.listItems) strings; shorten it.")
            }
            try count(token.place)
            strings.append(SieveLiteral(bytes: bytes, place: token.place))
            try take()
        } while try takes(",")
        guard try takes("]") else {
            throw token.place.fault("\(token.name) stands where \",\" or \"]\" is due; close the list.")
        }
        return strings
    }
}
