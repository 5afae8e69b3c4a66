import ByteParsing

/// A tag that a command takes (RFC 5228 §2.6.2).
struct SieveTagRule: Sendable {
    enum Value: Sendable {
        case none, number, string, list
    }

    var name: String
    var value = Value.none
    /// Of the tags of one group one may stand.
    var group: String
    var needs: String?

    init(_ name: String, _ value: Value = .none, group: String? = nil, needs: String? = nil) {
        (self.name, self.value, self.group, self.needs) = (name, value, group ?? name, needs)
    }

    static let match = [
        SieveTagRule("is", group: "match type"), SieveTagRule("contains", group: "match type"),
        SieveTagRule("matches", group: "match type"),
        SieveTagRule("value", .string, group: "match type", needs: "relational"),
        SieveTagRule("count", .string, group: "match type", needs: "relational"),
        SieveTagRule("comparator", .string),
    ]
    static let addressPart = [
        SieveTagRule("all", group: "address part"), SieveTagRule("localpart", group: "address part"),
        SieveTagRule("domain", group: "address part"),
        SieveTagRule("user", group: "address part", needs: "subaddress"),
        SieveTagRule("detail", group: "address part", needs: "subaddress"),
    ]
    static let index = [SieveTagRule("index", .number, needs: "index"), SieveTagRule("last", needs: "index")]
    static let mime = [SieveTagRule("mime", needs: "mime"), SieveTagRule("anychild", needs: "mime")]
    static let mimePart = [
        SieveTagRule("type", group: "MIME part", needs: "mime"),
        SieveTagRule("subtype", group: "MIME part", needs: "mime"),
        SieveTagRule("contenttype", group: "MIME part", needs: "mime"),
        SieveTagRule("param", .list, group: "MIME part", needs: "mime"),
    ]
    static let modifiers = [
        SieveTagRule("lower", group: "modifier of precedence 40"),
        SieveTagRule("upper", group: "modifier of precedence 40"),
        SieveTagRule("lowerfirst", group: "modifier of precedence 30"),
        SieveTagRule("upperfirst", group: "modifier of precedence 30"),
        SieveTagRule("quotewildcard", group: "modifier of precedence 20"),
        SieveTagRule("length", group: "modifier of precedence 10"),
    ]
}

/// The arguments of one command or test, sorted by its rules; reading them gives what fits or a fault that says what is due.
struct SieveArguments {
    enum Position {
        case number, string, list
    }

    let node: SieveNode
    private var tags: [String: (place: SievePlace, value: SieveArgument?)] = [:]
    private(set) var positional: [SieveArgument] = []

    /// Optional arguments stand before the others (RFC 5228 §2.6.2), tags before positional ones.
    init(
        _ node: SieveNode,
        tags rules: [SieveTagRule] = [],
        optional: Position? = nil,
        _ positions: [Position] = [],
        isTrailing: Bool = false,
        required: Set<String>
    ) throws(SieveFault) {
        self.node = node
        var groups: [String: String] = [:]
        var rest = node.arguments[...]
        while let argument = rest.first, case .tag(let bytes) = argument.value {
            rest.removeFirst()
            let name = String(decoding: bytes, as: UTF8.self)
            guard let rule = rules.first(where: { $0.name == name }) else {
                throw argument.place.fault("\(node.title) takes no tag \":\(name)\"; remove it.")
            }
            if let needs = rule.needs, !required.contains(needs) {
                throw argument.place.fault(
                    "The tag \":\(name)\" needs the extension \"\(needs)\"; add it to require at the beginning of the script."
                )
            }
            if let other = groups.updateValue(name, forKey: rule.group) {
                throw argument.place.fault(
                    other == name
                        ? "The tag \":\(name)\" stands twice; remove one."
                        : "The tags \":\(other)\" and \":\(name)\" exclude each other; choose one \(rule.group)."
                )
            }
            tags[name] = (argument.place, try Self.value(of: rule, argument.place, &rest))
        }
        for argument in rest {
            if case .tag(let name) = argument.value {
                throw argument.place.fault(
                    "The tag \(quoted([58] + name)) stands behind other arguments; write tags first."
                )
            }
        }
        positional = Array(rest)
        try check(optional: optional, positions, isTrailing: isTrailing)
    }

    private static func value(
        of rule: SieveTagRule,
        _ place: SievePlace,
        _ rest: inout ArraySlice<SieveArgument>
    ) throws(SieveFault) -> SieveArgument? {
        let due: String
        switch (rule.value, rest.first?.value) {
        case (.none, _): return nil
        case (.number, .number), (.string, .string), (.list, .string), (.list, .list): return rest.removeFirst()
        case (.number, _): due = "a number"
        case (.string, _): due = "one string"
        case (.list, _): due = "a string or a list of strings"
        }
        throw (rest.first?.place ?? place).fault("The tag \":\(rule.name)\" takes \(due); write it behind the tag.")
    }

    private func check(optional: Position?, _ positions: [Position], isTrailing: Bool) throws(SieveFault) {
        var due = positions
        if let optional, positional.count > positions.count {
            due.insert(optional, at: isTrailing ? due.count : 0)
        }
        for (index, position) in due.enumerated() {
            guard index < positional.count else {
                throw node.place.fault(
                    "\(node.title) takes \(Self.count(due.count)), \(positional.count) stand here; add \(Self.name(position))."
                )
            }
            switch (position, positional[index].value) {
            case (.number, .number), (.string, .string), (.list, .string), (.list, .list): ()  // What is due.
            case (.number, _), (.string, _), (.list, _):
                throw positional[index].place.fault("\(node.title) takes \(Self.name(position)) here.")
            }
        }
        if positional.count > due.count {
            throw positional[due.count].place.fault(
                "\(node.title) takes \(Self.count(due.count)); remove what follows."
            )
        }
    }

    private static func count(_ number: Int) -> String {
        number == 0 ? "no arguments but tags" : number == 1 ? "one argument" : "\(number) arguments"
    }

    private static func name(_ position: Position) -> String {
        switch position {
        case .number: "a number"
        case .string: "one string"
        case .list: "a string or a list of strings"
        }
    }

    // MARK: - What stands there

    func has(_ tag: String) -> Bool { tags[tag] != nil }

    /// Of the tag, or of the command when the tag is not there.
    func place(of tag: String) -> SievePlace { tags[tag]?.place ?? node.place }

    func number(of tag: String) -> Int64? {
        if case .number(let value)? = tags[tag]?.value?.value { value } else { nil }
    }

    func literal(of tag: String) -> SieveLiteral? {
        if case .string(let literal)? = tags[tag]?.value?.value { literal } else { nil }
    }

    func literals(of tag: String) -> [SieveLiteral]? { tags[tag]?.value.map(Self.literals) }

    func number(at index: Int) -> Int64 {
        if case .number(let value) = positional[index].value { value } else { 0 }
    }

    func literals(at index: Int) -> [SieveLiteral] { Self.literals(positional[index]) }

    private static func literals(_ argument: SieveArgument) -> [SieveLiteral] {
        switch argument.value {
        case .string(let literal): [literal]
        case .list(let literals): literals
        case .number, .tag: []
        }
    }
}
