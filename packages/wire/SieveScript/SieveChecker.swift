import ByteParsing

/// Turns what is written into what can run: looks up every name and every argument.
struct SieveChecker {
    /// Extensions that `require` named, and those that an `ihave` found (RFC 5463 §4).
    var required: Set<String> = []
    var limits: SieveLimits
    /// The names of the loops that a command stands in, the outermost first.
    var loops: [[UInt8]?] = []
    /// Names that `set` and `extracttext` give values to.
    var variables: Set<[UInt8]> = []

    init(limits: SieveLimits) { self.limits = limits }

    /// What `require` takes; the comparators under RFC 5228 §2.7.3's names.
    static let extensions = [
        "body", "comparator-i;ascii-casemap", "comparator-i;ascii-numeric", "comparator-i;octet", "copy", "date",
        "duplicate", "editheader", "encoded-character", "envelope", "environment", "ereject", "extracttext", "fileinto",
        "foreverypart", "ihave", "imap4flags", "index", "mailbox", "mime", "reject", "relational", "special-use",
        "subaddress", "vacation", "vacation-seconds", "variables",
    ]

    mutating func script(_ nodes: [SieveNode]) throws(SieveFault) -> [SieveStatement] {
        var rest = nodes[...]
        while let node = rest.first, node.name == Array("require".utf8) {
            try require(node)
            rest.removeFirst()
            // RFC 5703 §7: "extracttext" goes with "foreverypart" and "variables".
            for needed in ["foreverypart", "variables"]
            where rest.first?.name != Array("require".utf8) && required.contains("extracttext")
                && !required.contains(needed)
            {
                throw node.place.fault("The extension \"extracttext\" needs \"\(needed)\"; add it to require.")
            }
        }
        return try block(rest).statements
    }

    /// `require <capabilities: string-list>` (RFC 5228 §3.2).
    private mutating func require(_ node: SieveNode) throws(SieveFault) {
        let arguments = try arguments(node, [.list])
        try refuseTestsAndBlock(node)
        for literal in arguments.literals(at: 0) {
            let name = String(decoding: literal.bytes, as: UTF8.self)
            guard Self.extensions.contains(name) else {
                throw literal.place.fault(
                    "The extension \(quoted(literal.bytes)) is not known here; remove it, or test for it with ihave."
                )
            }
            enable(name)
        }
    }

    /// Takes the extension in force, and what it brings with it.
    mutating func enable(_ name: String) {
        required.insert(name)
        // RFC 6131 §2: "vacation-seconds" brings "vacation".
        if name == "vacation-seconds" { required.insert("vacation") }
    }

    /// Refuses what stands without its extension.
    func needs(_ name: String, _ node: SieveNode) throws(SieveFault) {
        guard required.contains(name) else {
            throw node.place.fault(
                "\(node.title) needs the extension \"\(name)\"; add it to require at the beginning of the script."
            )
        }
    }

    func arguments(
        _ node: SieveNode,
        tags: [SieveTagRule] = [],
        optional: SieveArguments.Position? = nil,
        _ positions: [SieveArguments.Position] = [],
        isTrailing: Bool = false
    ) throws(SieveFault) -> SieveArguments {
        try SieveArguments(node, tags: tags, optional: optional, positions, isTrailing: isTrailing, required: required)
    }

    // MARK: - Blocks and branches

    /// Checks commands one after the other; `isEnded` when none behind them can run.
    mutating func block(
        _ nodes: some Sequence<SieveNode>
    ) throws(SieveFault) -> (statements: [SieveStatement], isEnded: Bool) {
        var statements: [SieveStatement] = []
        var chain: Chain?
        for node in nodes {
            switch String(decoding: node.name, as: UTF8.self) {
            case "if":
                finish(&chain, &statements)
                var begun = Chain(place: node.place)
                try branch(node, &begun)
                chain = begun
            case "elsif", "else":
                guard var begun = chain, !begun.hasElse else {
                    throw node.place.fault(
                        "\(node.title) stands without \"if\" before it; move it behind the block of one."
                    )
                }
                try branch(node, &begun)
                chain = begun
            default:
                finish(&chain, &statements)
                statements.append(try command(node))
            }
            // RFC 5463 §4: what cannot run for want of an extension is not looked at.
            let isEnded: Bool =
                if let chain { chain.isEnded } else { statements.last.map { $0.kind.isEnd } ?? false }
            if isEnded {
                if chain?.isTaken == true || required.contains("ihave") {
                    finish(&chain, &statements)
                    return (statements, true)
                }
            }
        }
        finish(&chain, &statements)
        return (statements, statements.last?.kind.isEnd ?? false)
    }

    /// The branches of one `if` so far.
    private struct Chain {
        var place: SievePlace
        var branches: [(test: SieveTest, block: [SieveStatement])] = []
        var hasElse = false
        /// Whether a branch is always taken, so that those behind it never are.
        var isTaken = false
        /// Whether the branch that is always taken ends the script.
        var isEnded = false
    }

    private func finish(_ chain: inout Chain?, _ statements: inout [SieveStatement]) {
        if let done = chain {
            statements.append(SieveStatement(kind: .branch(done.branches), place: done.place))
        }
        chain = nil
    }

    /// `if <test> <block>`, `elsif <test> <block>`, `else <block>` (RFC 5228 §3.1).
    private mutating func branch(_ node: SieveNode, _ chain: inout Chain) throws(SieveFault) {
        _ = try arguments(node)
        let isElse = node.name == Array("else".utf8)
        guard let nodes = node.block else {
            throw node.place.fault("\(node.title) takes a block; open it with \"{\".")
        }
        var condition = SieveTest.constant(true)
        if isElse {
            guard node.tests.isEmpty, !node.hasTestList else {
                throw node.place.fault("\"else\" takes no test; write \"elsif\", or remove the test.")
            }
            chain.hasElse = true
        } else {
            condition = chain.isTaken ? .constant(false) : try test(of: node)
        }
        switch condition.known {
        // Only ihave makes a test known to be false without the author's writing it.
        case false? where required.contains("ihave"): return
        case true? where required.contains("ihave"):
            guard !chain.isTaken else { return }
            let (statements, isEnded) = try block(nodes)
            chain.branches.append((condition, statements))
            chain.isTaken = true
            chain.isEnded = isEnded && chain.branches.count == 1
        case true?, false?, nil: chain.branches.append((condition, try block(nodes).statements))
        }
    }

    /// The one test that a command or `not` takes.
    mutating func test(of node: SieveNode) throws(SieveFault) -> SieveTest {
        guard node.tests.count == 1, !node.hasTestList, let inner = node.tests.first else {
            throw node.place.fault("\(node.title) takes one test; join several with allof or anyof.")
        }
        return try test(inner)
    }

    func refuseTestsAndBlock(_ node: SieveNode) throws(SieveFault) {
        if let block = node.block {
            throw (block.first?.place ?? node.place).fault("\(node.title) takes no block; end it with \";\".")
        }
        try refuseTests(node)
    }

    func refuseTests(_ node: SieveNode) throws(SieveFault) {
        guard node.tests.isEmpty, !node.hasTestList else {
            throw (node.tests.first?.place ?? node.place).fault("\(node.title) takes no test; remove what follows it.")
        }
    }

    // MARK: - Strings

    func template(_ literal: SieveLiteral) throws(SieveFault) -> SieveTemplate {
        try SieveTemplate(
            literal,
            decodesCharacters: required.contains("encoded-character"),
            hasVariables: required.contains("variables"),
            limits: limits
        )
    }

    func templates(_ literals: [SieveLiteral]) throws(SieveFault) -> [SieveTemplate] {
        var templates: [SieveTemplate] = []
        for literal in literals { templates.append(try template(literal)) }
        return templates
    }

    func template(_ arguments: SieveArguments, _ index: Int) throws(SieveFault) -> SieveTemplate {
        guard let literal = arguments.literals(at: index).first else { preconditionFailure("a string was checked") }
        return try template(literal)
    }

    func templates(_ arguments: SieveArguments, _ index: Int) throws(SieveFault) -> [SieveTemplate] {
        try templates(arguments.literals(at: index))
    }

    func template(_ arguments: SieveArguments, of tag: String) throws(SieveFault) -> SieveTemplate? {
        guard let literal = arguments.literal(of: tag) else { return nil }
        return try template(literal)
    }

    func templates(_ arguments: SieveArguments, of tag: String) throws(SieveFault) -> [SieveTemplate]? {
        guard let literals = arguments.literals(of: tag) else { return nil }
        return try templates(literals)
    }

    /// A string in which no variable may be.
    func constant(_ literal: SieveLiteral, _ what: String) throws(SieveFault) -> [UInt8] {
        guard let text = try template(literal).constant else {
            throw literal.place.fault("\(what) is known before the script runs; write it without variables.")
        }
        return text
    }

    /// The name of a variable that gets a value (RFC 5229 §4: a constant, never a match variable).
    mutating func variable(_ literal: SieveLiteral) throws(SieveFault) -> [UInt8] {
        let name = try constant(literal, "The name of a variable").map(\.asciiLowercased)
        guard SieveTemplate.isVariableName(name) else {
            throw literal.place.fault(
                "\(quoted(name)) is no name of a variable; begin with a letter, and take letters, digits and \"_\"."
            )
        }
        guard name.count <= limits.variableName else {
            throw literal.place.fault(
                "The name of the variable \(quoted(name)) is too long; \(limits.variableName) octets are the most."
            )
        }
        variables.insert(name)
        guard variables.count <= limits.variables else {
            throw literal.place.fault("The script has more than \(limits.variables) variables; use fewer.")
        }
        return name
    }
}

extension SieveStatement.Kind {
    /// Whether nothing behind it runs.
    var isEnd: Bool {
        switch self {
        case .stop, .error: true
        case .branch, .keep, .discard, .redirect, .fileInto, .reject, .vacation, .set, .flags, .addHeader,
            .deleteHeader, .forEveryPart, .leave, .extractText:
            false
        }
    }
}

extension SieveTest {
    /// What it comes to when that is known without a message.
    var known: Bool? {
        switch self {
        case .constant(let value): value
        case .not(let inner): inner.known.map { !$0 }
        case .all(let tests):
            tests.contains { $0.known == false } ? false : tests.allSatisfy { $0.known == true } ? true : nil
        case .any(let tests):
            tests.contains { $0.known == true } ? true : tests.allSatisfy { $0.known == false } ? false : nil
        case .header, .address, .envelope, .exists, .size, .string, .hasFlag, .date, .environment, .body,
            .mailboxExists, .specialUseExists, .duplicate:
            nil
        }
    }
}
