import ByteParsing

extension SieveChecker {
    /// A command by its name (RFC 5228 §3 and §4, and the extensions').
    mutating func command(_ node: SieveNode) throws(SieveFault) -> SieveStatement {
        let name = String(decoding: node.name, as: UTF8.self)
        if name != "foreverypart" { try refuseTestsAndBlock(node) }
        return SieveStatement(kind: try kind(node, name), place: node.place)
    }

    private mutating func kind(_ node: SieveNode, _ name: String) throws(SieveFault) -> SieveStatement.Kind {
        switch name {
        case "stop", "discard":
            _ = try arguments(node)
            return name == "stop" ? .stop : .discard
        case "keep":
            let arguments = try arguments(node, tags: [Self.flagsRule])
            return .keep(flags: try templates(arguments, of: "flags"))
        case "redirect": return try redirect(node)
        case "fileinto": return .fileInto(try fileInto(node))
        case "reject", "ereject":
            try needs(name, node)
            let text = try template(try arguments(node, [.string]), 0)
            return .reject(text: text, isExtended: name == "ereject")
        case "vacation": return .vacation(try vacation(node))
        case "set":
            try needs("variables", node)
            let arguments = try arguments(node, tags: SieveTagRule.modifiers, [.string, .string])
            let variable = try variable(arguments.literals(at: 0)[0])
            return .set(name: variable, modifiers: modifiers(arguments), value: try template(arguments, 1))
        case "setflag": return try flags(node, .set)
        case "addflag": return try flags(node, .add)
        case "removeflag": return try flags(node, .remove)
        case "addheader": return try addHeader(node)
        case "deleteheader": return .deleteHeader(try deleteHeader(node))
        case "error":
            try needs("ihave", node)
            return .error(try template(try arguments(node, [.string]), 0))
        case "foreverypart": return try forEveryPart(node)
        case "break": return try leave(node)
        case "extracttext": return try extractText(node)
        case "require":
            // RFC 5228 §3.2: "Require MUST NOT be used after any other command."
            throw node.place.fault("\"require\" stands behind other commands; move it to the beginning of the script.")
        default:
            throw node.place.fault("There is no command \(node.title); look whether it is spelt right.")
        }
    }

    private static let flagsRule = SieveTagRule("flags", .list, needs: "imap4flags")
    private static let copyRule = SieveTagRule("copy", needs: "copy")

    // MARK: - Actions

    /// `redirect [":copy"] <address: string>` (RFC 5228 §4.2, RFC 3894).
    private func redirect(_ node: SieveNode) throws(SieveFault) -> SieveStatement.Kind {
        let arguments = try arguments(node, tags: [Self.copyRule], [.string])
        let address = try template(arguments, 0)
        if let text = address.constant, SieveAddress.single(text) == nil {
            throw address.place.fault("\(quoted(text)) is no address; write one such as \"user@example.test\".")
        }
        return .redirect(address: address, isCopy: arguments.has("copy"))
    }

    /// `fileinto [":copy"] [":create"] [":flags" <list>] [":specialuse" <use>] <mailbox: string>`
    /// (RFC 5228 §4.1, RFC 3894, RFC 5490 §3.2, RFC 5232 §5, RFC 8579 §4).
    private func fileInto(_ node: SieveNode) throws(SieveFault) -> SieveFilingCommand {
        try needs("fileinto", node)
        let rules = [
            Self.copyRule, Self.flagsRule, SieveTagRule("create", needs: "mailbox"),
            SieveTagRule("specialuse", .string, needs: "special-use"),
        ]
        let arguments = try arguments(node, tags: rules, [.string])
        let mailbox = try template(arguments, 0)
        if mailbox.constant?.isEmpty == true {
            throw mailbox.place.fault("The name of the mailbox is empty; write one.")
        }
        let use = try template(arguments, of: "specialuse")
        if let use { try checkUse(use) }
        return SieveFilingCommand(
            mailbox: mailbox,
            flags: try templates(arguments, of: "flags"),
            isCreated: arguments.has("create"),
            specialUse: use,
            isCopy: arguments.has("copy")
        )
    }

    /// `vacation [":days" number] [":subject" string] [":from" string] [":addresses" string-list] [":mime"]
    /// [":handle" string] <reason: string>` (RFC 5230 §4), `":seconds" number` (RFC 6131 §2).
    private func vacation(_ node: SieveNode) throws(SieveFault) -> SieveVacationCommand {
        try needs("vacation", node)
        let rules = [
            SieveTagRule("days", .number, group: "period"),
            SieveTagRule("seconds", .number, group: "period", needs: "vacation-seconds"),
            SieveTagRule("subject", .string), SieveTagRule("from", .string), SieveTagRule("addresses", .list),
            SieveTagRule("mime"), SieveTagRule("handle", .string),
        ]
        let arguments = try arguments(node, tags: rules, [.string])
        var command = SieveVacationCommand(
            seconds: arguments.number(of: "seconds"),
            subject: try template(arguments, of: "subject"),
            from: try template(arguments, of: "from"),
            addresses: try templates(arguments, of: "addresses") ?? [],
            isMIME: arguments.has("mime"),
            handle: try template(arguments, of: "handle"),
            reason: try template(arguments, 0)
        )
        if let days = arguments.number(of: "days") {
            // A century is as good as ever, and cannot overflow; RFC 5230 §4.1 takes 0 for the least that is allowed.
            command.seconds = min(days, 36_500) * 86_400
        }
        if let from = command.from, let text = from.constant, SieveAddress.parse(text).count != 1 {
            throw from.place.fault("\(quoted(text)) is no address; write one such as \"user@example.test\".")
        }
        return command
    }

    // MARK: - Variables and flags

    private func modifiers(_ arguments: SieveArguments) -> [SieveModifier] {
        let names: [(String, SieveModifier)] = [
            ("lower", .lower), ("upper", .upper), ("lowerfirst", .lowerFirst), ("upperfirst", .upperFirst),
            ("quotewildcard", .quoteWildcard), ("length", .length),
        ]
        return names.filter { arguments.has($0.0) }.map(\.1).sorted { $0.precedence > $1.precedence }
    }

    /// `setflag [<variablename: string>] <list-of-flags: string-list>`, and `addflag`, `removeflag` (RFC 5232 §3).
    private mutating func flags(_ node: SieveNode, _ change: SieveFlagChange) throws(SieveFault) -> SieveStatement.Kind
    {
        try needs("imap4flags", node)
        let arguments = try arguments(node, optional: .string, [.list])
        guard arguments.positional.count == 2 else {
            return .flags(change, variable: nil, flags: try templates(arguments, 0))
        }
        try needsVariables(arguments.positional[0].place)
        let name = try variable(arguments.literals(at: 0)[0])
        return .flags(change, variable: name, flags: try templates(arguments, 1))
    }

    // MARK: - Headers

    /// `addheader [":last"] <field-name: string> <value: string>` (RFC 5293 §4).
    private func addHeader(_ node: SieveNode) throws(SieveFault) -> SieveStatement.Kind {
        try needs("editheader", node)
        let arguments = try arguments(node, tags: [SieveTagRule("last")], [.string, .string])
        let name = try template(arguments, 0)
        try checkFieldName(name)
        let value = try template(arguments, 1)
        if let text = value.constant, text.count > limits.headerValue {
            throw value.place.fault("The value is too long; \(limits.headerValue) octets are the most.")
        }
        return .addHeader(name: name, value: value, isLast: arguments.has("last"))
    }

    /// `deleteheader [":index" <fieldno: number> [":last"]] [COMPARATOR] [MATCH-TYPE] <field-name: string>
    /// [<value-patterns: string-list>]` (RFC 5293 §5).
    private func deleteHeader(_ node: SieveNode) throws(SieveFault) -> SieveHeaderDeletion {
        try needs("editheader", node)
        let rules = SieveTagRule.match + [SieveTagRule("index", .number), SieveTagRule("last")]
        let arguments = try arguments(node, tags: rules, optional: .list, [.string], isTrailing: true)
        let name = try template(arguments, 0)
        try checkFieldName(name)
        let match = try match(arguments)
        let hasPatterns = arguments.positional.count == 2
        if !hasPatterns,
            let tag = ["is", "contains", "matches", "value", "count", "comparator"].first(where: arguments.has)
        {
            throw arguments.place(of: tag).fault("The tag \":\(tag)\" compares values; add the list of them.")
        }
        return SieveHeaderDeletion(
            match: match,
            index: try index(arguments),
            name: name,
            patterns: hasPatterns ? try templates(arguments, 1) : nil
        )
    }

    private func checkFieldName(_ name: SieveTemplate) throws(SieveFault) {
        guard let text = name.constant, !SieveHeaders.isFieldName(text) else { return }
        throw name.place.fault(
            "\(quoted(text)) is no name of a header field; write it without colon, space and line end."
        )
    }

    // MARK: - Parts

    /// `foreverypart [":name" string] block` (RFC 5703 §3).
    private mutating func forEveryPart(_ node: SieveNode) throws(SieveFault) -> SieveStatement.Kind {
        try needs("foreverypart", node)
        try refuseTests(node)
        let arguments = try arguments(node, tags: [SieveTagRule("name", .string)])
        guard let nodes = node.block else {
            throw node.place.fault("\"foreverypart\" takes a block; open it with \"{\".")
        }
        guard loops.count < limits.loops else {
            throw node.place.fault("More than \(limits.loops) loops are within one another; flatten them.")
        }
        var name: [UInt8]?
        if let literal = arguments.literal(of: "name") { name = try constant(literal, "The name of a loop") }
        loops.append(name)
        let statements = try block(nodes).statements
        loops.removeLast()
        return .forEveryPart(name: name, block: statements)
    }

    /// `break [":name" string]` (RFC 5703 §3.1).
    private func leave(_ node: SieveNode) throws(SieveFault) -> SieveStatement.Kind {
        try needs("foreverypart", node)
        let arguments = try arguments(node, tags: [SieveTagRule("name", .string)])
        guard !loops.isEmpty else {
            throw node.place.fault("\"break\" stands in no loop; move it into a foreverypart.")
        }
        guard let literal = arguments.literal(of: "name") else { return .leave(loops: 1) }
        let name = try constant(literal, "The name of a loop")
        guard let index = loops.lastIndex(of: name) else {
            throw literal.place.fault("No loop around it has the name \(quoted(name)); name one that has.")
        }
        return .leave(loops: loops.count - index)
    }

    /// `extracttext [MODIFIER] [":first" number] <varname: string>` (RFC 5703 §7).
    private mutating func extractText(_ node: SieveNode) throws(SieveFault) -> SieveStatement.Kind {
        try needs("extracttext", node)
        // RFC 5703 §7: "extracttext" needs "variables" as well.
        try needs("variables", node)
        let rules = SieveTagRule.modifiers + [SieveTagRule("first", .number)]
        let arguments = try arguments(node, tags: rules, [.string])
        guard !loops.isEmpty else {
            throw node.place.fault("\"extracttext\" stands in no loop; move it into a foreverypart.")
        }
        let name = try variable(arguments.literals(at: 0)[0])
        return .extractText(name: name, modifiers: modifiers(arguments), first: arguments.number(of: "first"))
    }
}
