import ByteParsing

extension SieveChecker {
    /// A test of an extension by its name.
    mutating func extendedTest(_ node: SieveNode) throws(SieveFault) -> SieveTest {
        switch String(decoding: node.name, as: UTF8.self) {
        case "string": return try string(node)
        case "hasflag": return try hasFlag(node)
        case "date": return .date(try date(node, isCurrent: false))
        case "currentdate": return .date(try date(node, isCurrent: true))
        case "environment": return try environment(node)
        case "body": return .body(try body(node))
        case "mailboxexists":
            try needs("mailbox", node)
            return .mailboxExists(try templates(try leaf(node, [.list]), 0))
        case "specialuse_exists": return try specialUseExists(node)
        case "duplicate": return .duplicate(try duplicate(node))
        case "ihave": return try ihave(node)
        default:
            throw node.place.fault("There is no test \(node.title); look whether it is spelt right.")
        }
    }

    /// `string [MATCH-TYPE] [COMPARATOR] <source: string-list> <key-list: string-list>` (RFC 5229 §5).
    private func string(_ node: SieveNode) throws(SieveFault) -> SieveTest {
        try needs("variables", node)
        let arguments = try leaf(node, tags: SieveTagRule.match, [.list, .list])
        return .string(
            match: try match(arguments),
            sources: try templates(arguments, 0),
            keys: try templates(arguments, 1)
        )
    }

    /// `hasflag [MATCH-TYPE] [COMPARATOR] [<variable-list: string-list>] <list-of-flags: string-list>` (RFC 5232 §4).
    private func hasFlag(_ node: SieveNode) throws(SieveFault) -> SieveTest {
        try needs("imap4flags", node)
        let arguments = try leaf(node, tags: SieveTagRule.match, optional: .list, [.list])
        let hasVariables = arguments.positional.count == 2
        if hasVariables { try needsVariables(arguments.positional[0].place) }
        return .hasFlag(
            match: try match(arguments),
            variables: hasVariables ? try templates(arguments, 0) : nil,
            keys: try templates(arguments, hasVariables ? 1 : 0)
        )
    }

    func needsVariables(_ place: SievePlace) throws(SieveFault) {
        guard required.contains("variables") else {
            throw place.fault("Flags in a variable need the extension \"variables\"; add it to require.")
        }
    }

    /// `date [<":zone" <time-zone: string>> / ":originalzone"] [COMPARATOR] [MATCH-TYPE] <header-name: string>
    /// <date-part: string> <key-list: string-list>` (RFC 5260 §4), and `currentdate` without the header (§5).
    private func date(_ node: SieveNode, isCurrent: Bool) throws(SieveFault) -> SieveDateTest {
        try needs("date", node)
        var rules = SieveTagRule.match + [SieveTagRule("zone", .string, group: "zone")]
        if !isCurrent { rules += [SieveTagRule("originalzone", group: "zone")] + SieveTagRule.index }
        let arguments = try leaf(node, tags: rules, isCurrent ? [.string, .list] : [.string, .string, .list])
        let first = isCurrent ? 0 : 1
        let part = try template(arguments, first)
        if let text = part.constant, SieveDatePart(text) == nil {
            throw part.place.fault(
                "\(quoted(text)) is no part of a date; write one such as year, month, day, date, hour, weekday or iso8601."
            )
        }
        var test = SieveDateTest(
            match: try match(arguments),
            index: try index(arguments),
            header: isCurrent ? nil : try template(arguments, 0),
            part: part,
            keys: try templates(arguments, first + 1)
        )
        if arguments.has("originalzone") { test.zone = .original }
        if let zone = try template(arguments, of: "zone") {
            if let text = zone.constant, SieveDate.zone(text) == nil {
                throw zone.place.fault("\(quoted(text)) is no time zone; write one such as \"+0100\".")
            }
            test.zone = .given(zone)
        }
        return test
    }

    /// `environment [COMPARATOR] [MATCH-TYPE] <name: string> <key-list: string-list>` (RFC 5183 §4).
    private func environment(_ node: SieveNode) throws(SieveFault) -> SieveTest {
        try needs("environment", node)
        let arguments = try leaf(node, tags: SieveTagRule.match, [.string, .list])
        return .environment(
            match: try match(arguments),
            name: try template(arguments, 0),
            keys: try templates(arguments, 1)
        )
    }

    /// `body [COMPARATOR] [MATCH-TYPE] [BODY-TRANSFORM] <key-list: string-list>` (RFC 5173 §4).
    private func body(_ node: SieveNode) throws(SieveFault) -> SieveBodyTest {
        try needs("body", node)
        let rules = [
            SieveTagRule("raw", group: "transform"), SieveTagRule("text", group: "transform"),
            SieveTagRule("content", .list, group: "transform"),
        ]
        let arguments = try leaf(node, tags: SieveTagRule.match + rules, [.list])
        var test = SieveBodyTest(match: try match(arguments), keys: try templates(arguments, 0))
        if arguments.has("raw") { test.transform = .raw }
        if let types = try templates(arguments, of: "content") { test.transform = .content(types) }
        return test
    }

    /// `specialuse_exists [<mailbox: string>] <special-use-attrs: string-list>` (RFC 8579 §3).
    private func specialUseExists(_ node: SieveNode) throws(SieveFault) -> SieveTest {
        try needs("special-use", node)
        let arguments = try leaf(node, optional: .string, [.list])
        let hasMailbox = arguments.positional.count == 2
        let uses = try templates(arguments, hasMailbox ? 1 : 0)
        for use in uses { try checkUse(use) }
        return .specialUseExists(mailbox: hasMailbox ? try template(arguments, 0) : nil, uses: uses)
    }

    /// `use-attr = "\" atom` (RFC 6154 §6).
    func checkUse(_ use: SieveTemplate) throws(SieveFault) {
        guard let text = use.constant, !SieveFlags.isUse(text) else { return }
        throw use.place.fault("\(quoted(text)) is no special use; write one such as \"\\\\Junk\".")
    }

    /// `duplicate [":handle" <handle: string>] [":header" <header-name: string> / ":uniqueid" <value: string>]
    /// [":seconds" <timeout: number>] [":last"]` (RFC 7352 §3).
    private func duplicate(_ node: SieveNode) throws(SieveFault) -> SieveDuplicateTest {
        try needs("duplicate", node)
        let rules = [
            SieveTagRule("handle", .string), SieveTagRule("header", .string, group: "identifier"),
            SieveTagRule("uniqueid", .string, group: "identifier"), SieveTagRule("seconds", .number),
            SieveTagRule("last"),
        ]
        let arguments = try leaf(node, tags: rules)
        return SieveDuplicateTest(
            handle: try template(arguments, of: "handle"),
            header: try template(arguments, of: "header"),
            uniqueID: try template(arguments, of: "uniqueid"),
            seconds: arguments.number(of: "seconds"),
            isRenewed: arguments.has("last")
        )
    }

    /// `ihave <capabilities: string-list>` (RFC 5463 §4): known now, and in force from here on.
    private mutating func ihave(_ node: SieveNode) throws(SieveFault) -> SieveTest {
        try needs("ihave", node)
        let arguments = try leaf(node, [.list])
        var names: [String] = []
        for literal in arguments.literals(at: 0) {
            names.append(String(decoding: try constant(literal, "The name of an extension"), as: UTF8.self))
        }
        // RFC 5463 §4: ihave takes no extension that changes how the rest of the script is read, as these change strings.
        let reading: Set<String> = ["variables", "encoded-character"]
        let hasAll = names.allSatisfy { name in
            required.contains(name) || (Self.extensions.contains(name) && !reading.contains(name))
        }
        if hasAll { for name in names { enable(name) } }
        return .constant(hasAll)
    }
}
