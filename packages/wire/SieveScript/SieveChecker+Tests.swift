import ByteParsing

extension SieveChecker {
    /// A test by its name (RFC 5228 §5).
    mutating func test(_ node: SieveNode) throws(SieveFault) -> SieveTest {
        if node.block != nil { throw node.place.fault("\(node.title) is a test; it takes no block.") }
        switch String(decoding: node.name, as: UTF8.self) {
        case "true", "false":
            _ = try leaf(node)
            return .constant(node.name.first == UInt8(ascii: "t"))
        case "not":
            _ = try arguments(node)
            return .not(try test(of: node))
        case "allof": return .all(try list(node, until: false))
        case "anyof": return .any(try list(node, until: true))
        case "header": return .header(try header(node))
        case "address": return .address(try address(node))
        case "exists": return try exists(node)
        case "size": return try size(node)
        case "envelope": return try envelope(node)
        default: return try extendedTest(node)
        }
    }

    /// The arguments of a test that takes no tests.
    func leaf(
        _ node: SieveNode,
        tags: [SieveTagRule] = [],
        optional: SieveArguments.Position? = nil,
        _ positions: [SieveArguments.Position] = []
    ) throws(SieveFault) -> SieveArguments {
        try refuseTests(node)
        return try arguments(node, tags: tags, optional: optional, positions)
    }

    /// The tests of `allof` and `anyof`; those behind one that decides are not looked at when an `ihave` made it so.
    private mutating func list(_ node: SieveNode, until value: Bool) throws(SieveFault) -> [SieveTest] {
        _ = try arguments(node)
        guard node.hasTestList, !node.tests.isEmpty else {
            throw node.place.fault(
                "\(node.title) takes a list of tests; write them in parentheses, with commas between."
            )
        }
        var tests: [SieveTest] = []
        for inner in node.tests {
            tests.append(try test(inner))
            if required.contains("ihave"), tests.last?.known == value { break }
        }
        return tests
    }

    // MARK: - Match types

    /// `[COMPARATOR] [MATCH-TYPE]` (RFC 5228 §2.7).
    func match(_ arguments: SieveArguments) throws(SieveFault) -> SieveMatch {
        var match = SieveMatch()
        if let literal = arguments.literal(of: "comparator") { match.comparator = try comparator(literal) }
        if arguments.has("contains") { match.kind = .contains }
        if arguments.has("matches") { match.kind = .matches }
        if let literal = arguments.literal(of: "value") { match.kind = .value(try relation(literal)) }
        if let literal = arguments.literal(of: "count") { match.kind = .count(try relation(literal)) }
        switch match.kind {
        // RFC 4790 §9.1.1: "i;ascii-numeric" has no substring operation.
        case .contains, .matches:
            guard match.comparator != .numeric else {
                throw arguments.place(of: "comparator").fault(
                    "The comparator i;ascii-numeric compares whole numbers; use it with :is, :value or :count."
                )
            }
        case .equals, .value, .count: ()  // Every comparator orders and equals.
        }
        return match
    }

    private func comparator(_ literal: SieveLiteral) throws(SieveFault) -> SieveMatch.Comparator {
        let name = String(decoding: try constant(literal, "A comparator"), as: UTF8.self)
        guard let comparator = SieveMatch.Comparator(rawValue: name) else {
            throw literal.place.fault(
                "The comparator \(quoted(literal.bytes)) is not known; take i;octet, i;ascii-casemap or i;ascii-numeric."
            )
        }
        // RFC 5228 §2.7.3: i;octet and i;ascii-casemap need no require.
        if comparator == .numeric, !required.contains("comparator-i;ascii-numeric") {
            throw literal.place.fault(
                "The comparator needs the extension \"comparator-i;ascii-numeric\"; add it to require."
            )
        }
        return comparator
    }

    /// `"gt" / "ge" / "lt" / "le" / "eq" / "ne"` (RFC 5231 §4).
    private func relation(_ literal: SieveLiteral) throws(SieveFault) -> SieveMatch.Relation {
        let name = String(decoding: try constant(literal, "A relation").map(\.asciiLowercased), as: UTF8.self)
        guard let relation = SieveMatch.Relation(rawValue: name) else {
            throw literal.place.fault("\(quoted(literal.bytes)) is no relation; write gt, ge, lt, le, eq or ne.")
        }
        return relation
    }

    func addressPart(_ arguments: SieveArguments) -> SieveAddressPart {
        if arguments.has("localpart") { return .localPart }
        if arguments.has("domain") { return .domain }
        if arguments.has("user") { return .user }
        return arguments.has("detail") ? .detail : .all
    }

    /// `[":index" <fieldno: number> [":last"]]` (RFC 5260 §6).
    func index(_ arguments: SieveArguments) throws(SieveFault) -> SieveIndex? {
        guard let number = arguments.number(of: "index") else {
            guard !arguments.has("last") else {
                throw arguments.place(of: "last").fault("The tag \":last\" stands without \":index\"; add it.")
            }
            return nil
        }
        guard number > 0 else {
            throw arguments.place(of: "index").fault("An index counts from 1; write a larger number.")
        }
        return SieveIndex(number: number, isFromLast: arguments.has("last"))
    }

    /// `[":mime"] [":anychild"] [MIMEOPTS]` (RFC 5703 §4).
    func mime(_ arguments: SieveArguments) throws(SieveFault) -> SieveMIMEOption? {
        let options = ["anychild", "type", "subtype", "contenttype", "param"]
        guard arguments.has("mime") else {
            if let stray = options.first(where: arguments.has) {
                throw arguments.place(of: stray).fault("The tag \":\(stray)\" stands without \":mime\"; add it.")
            }
            return nil
        }
        var option = SieveMIMEOption(hasChildren: arguments.has("anychild"))
        if arguments.has("type") { option.part = .type }
        if arguments.has("subtype") { option.part = .subtype }
        if arguments.has("contenttype") { option.part = .contentType }
        if let names = try templates(arguments, of: "param") { option.part = .parameters(names) }
        return option
    }

    // MARK: - Tests of the base

    /// `header [COMPARATOR] [MATCH-TYPE] <header-names: string-list> <key-list: string-list>` (RFC 5228 §5.7).
    private func header(_ node: SieveNode) throws(SieveFault) -> SieveHeaderTest {
        let tags = SieveTagRule.match + SieveTagRule.index + SieveTagRule.mime + SieveTagRule.mimePart
        let arguments = try leaf(node, tags: tags, [.list, .list])
        return SieveHeaderTest(
            match: try match(arguments),
            index: try index(arguments),
            mime: try mime(arguments),
            names: try templates(arguments, 0),
            keys: try templates(arguments, 1)
        )
    }

    /// `address [COMPARATOR] [ADDRESS-PART] [MATCH-TYPE] <header-list: string-list> <key-list: string-list>`
    /// (RFC 5228 §5.1).
    private func address(_ node: SieveNode) throws(SieveFault) -> SieveAddressTest {
        let tags = SieveTagRule.match + SieveTagRule.addressPart + SieveTagRule.index + SieveTagRule.mime
        let arguments = try leaf(node, tags: tags, [.list, .list])
        let names = try templates(arguments, 0)
        for name in names {
            guard let text = name.constant, !Self.hasAddresses(text) else { continue }
            throw name.place.fault(
                "The header field \(quoted(text)) has no addresses; test it with header, or name one such as \"from\"."
            )
        }
        return SieveAddressTest(
            match: try match(arguments),
            part: addressPart(arguments),
            index: try index(arguments),
            mime: try mime(arguments),
            names: names,
            keys: try templates(arguments, 1)
        )
    }

    /// Fields of the standards that are known to hold no addresses.
    ///
    /// RFC 5228 §5.1: "Implementations MUST restrict the address test to headers that contain addresses"; fields that no
    /// standard describes are up to those who send them.
    private static func hasAddresses(_ name: [UInt8]) -> Bool {
        let others: Set<String> = [
            "subject", "date", "message-id", "received", "in-reply-to", "references", "comments", "keywords",
            "mime-version", "content-type", "content-transfer-encoding", "content-disposition", "content-id",
            "content-description", "resent-date", "resent-message-id", "list-id", "dkim-signature",
            "authentication-results", "received-spf", "auto-submitted", "precedence",
        ]
        return !others.contains(String(decoding: name.map(\.asciiLowercased), as: UTF8.self))
    }

    /// `exists <header-names: string-list>` (RFC 5228 §5.5).
    private func exists(_ node: SieveNode) throws(SieveFault) -> SieveTest {
        let arguments = try leaf(node, tags: SieveTagRule.mime, [.list])
        return .exists(names: try templates(arguments, 0), mime: try mime(arguments))
    }

    /// `size <":over" / ":under"> <limit: number>` (RFC 5228 §5.9).
    private func size(_ node: SieveNode) throws(SieveFault) -> SieveTest {
        let rules = [SieveTagRule("over", group: "bound"), SieveTagRule("under", group: "bound")]
        let arguments = try leaf(node, tags: rules, [.number])
        guard arguments.has("over") || arguments.has("under") else {
            throw node.place.fault("\"size\" takes \":over\" or \":under\" before its number; add one.")
        }
        return .size(isOver: arguments.has("over"), limit: arguments.number(at: 0))
    }

    /// `envelope [COMPARATOR] [ADDRESS-PART] [MATCH-TYPE] <envelope-part: string-list> <key-list: string-list>`
    /// (RFC 5228 §5.4).
    private func envelope(_ node: SieveNode) throws(SieveFault) -> SieveTest {
        try needs("envelope", node)
        let arguments = try leaf(node, tags: SieveTagRule.match + SieveTagRule.addressPart, [.list, .list])
        let names = try templates(arguments, 0)
        for name in names {
            guard let text = name.constant,
                !["from", "to", "auth"].contains(where: { text.equalsIgnoringASCIICase($0.utf8) })
            else { continue }
            throw name.place.fault("The envelope has no part \(quoted(text)); write from, to or auth.")
        }
        return .envelope(
            match: try match(arguments),
            part: addressPart(arguments),
            names: names,
            keys: try templates(arguments, 1)
        )
    }
}
