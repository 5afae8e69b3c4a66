import ByteParsing

/// One run of a script over one message.
struct SieveRun<Message: SieveMessage> {
    /// How a block ended.
    enum Flow: Hashable {
        case next, stop
        /// That many loops are left.
        case leave(Int)
    }

    /// A body in one form.
    struct BodyKey: Hashable {
        var entity: Int
        var form: SieveBodyForm
    }

    let message: Message
    let facts: SieveFacts
    let limits: SieveLimits
    var fuel: SieveFuel
    /// The header as the edits left it.
    var fields: [SieveField]
    var knownEntities: [SieveEntity]?
    var bodies: [BodyKey: [UInt8]] = [:]
    var bodyOctets = 0
    var variables: [[UInt8]: [UInt8]] = [:]
    var captures: [[UInt8]] = []
    var flags: [[UInt8]]
    /// Whether the script changed the flags.
    var hasFlags = false
    /// The entity that the innermost loop is at.
    var entity: Int?
    var edits = 0
    var hasDiscard = false
    /// Whether the implicit keep is still in force (RFC 5228 §2.10.2).
    var isKept = true
    var outcome = SieveOutcome()

    init(message: Message, facts: SieveFacts, limits: SieveLimits) {
        (self.message, self.facts, self.limits) = (message, facts, limits)
        fuel = SieveFuel(steps: limits.steps, place: SievePlace(line: 1, column: 1))
        fields = Array(message.fields.prefix(limits.headerFields))
        flags = SieveFlags.list(facts.flags.map { Array($0.utf8) }, limits: limits)
    }

    mutating func finished() throws(SieveRunFault) -> SieveOutcome {
        if isKept {
            outcome.isImplicitlyKept = true
            try add(.keep(flags: currentFlags()))
        }
        return outcome
    }

    func fault(_ reason: SieveRunFault.Reason, _ sentence: String) -> SieveRunFault {
        fuel.place.runFault(reason, sentence)
    }

    mutating func block(_ statements: [SieveStatement]) throws(SieveRunFault) -> Flow {
        for statement in statements {
            fuel.place = statement.place
            try fuel.burn()
            let flow = try execute(statement)
            if flow != .next { return flow }
        }
        return .next
    }

    private mutating func execute(_ statement: SieveStatement) throws(SieveRunFault) -> Flow {
        switch statement.kind {
        case .branch(let branches):
            for (condition, statements) in branches where try isTrue(condition) { return try block(statements) }
        case .stop: return .stop
        case .forEveryPart(_, let statements): return try loop(statements)
        case .leave(let loops): return .leave(loops)
        case .error(let text): throw fault(.script, string(try expand(text, limit: 1_000)))
        case .set(let name, let modifiers, let value):
            variables[name] = modified(try expand(value), modifiers)
        case .extractText(let name, let modifiers, let first): try extract(name, modifiers, first)
        case .flags(let change, let variable, let list): try changeFlags(change, variable, list)
        case .addHeader(let name, let value, let isLast): try addHeader(name, value, isLast: isLast)
        case .deleteHeader(let deletion): try deleteHeader(deletion)
        case .keep, .discard, .redirect, .fileInto, .reject, .vacation: try act(statement.kind)
        }
        return .next
    }

    // MARK: - Strings

    /// A template with its variables put in; unknown ones are empty (RFC 5229 §3).
    mutating func expand(_ template: SieveTemplate, limit: Int? = nil) throws(SieveRunFault) -> [UInt8] {
        var text: [UInt8] = []
        for piece in template.pieces {
            switch piece {
            case .literal(let literal): text += literal
            case .variable(let name): text += variables[name] ?? []
            case .match(let index): text += index < captures.count ? captures[index] : []
            }
            guard text.count <= limits.stringLength else {
                throw template.place.runFault(.limit, "The string becomes too long; put in fewer variables.")
            }
        }
        try fuel.burn(text.count + 1)
        return limit.map { Self.cut(text, to: $0) } ?? text
    }

    mutating func expand(_ templates: [SieveTemplate]) throws(SieveRunFault) -> [[UInt8]] {
        var texts: [[UInt8]] = []
        for template in templates { texts.append(try expand(template)) }
        return texts
    }

    /// As text; what is no UTF-8 becomes U+FFFD.
    func string(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// The value after its modifiers, as a variable keeps it (RFC 5229 §4.1).
    func modified(_ value: [UInt8], _ modifiers: [SieveModifier]) -> [UInt8] {
        var value = value
        for modifier in modifiers {
            switch modifier {
            case .lower: value = value.map(\.asciiLowercased)
            case .upper: value = value.map(\.asciiUppercased)
            case .lowerFirst: if let first = value.first { value[0] = first.asciiLowercased }
            case .upperFirst: if let first = value.first { value[0] = first.asciiUppercased }
            case .quoteWildcard:
                value = value.flatMap { "*?\\".utf8.contains($0) ? [ASCII.backslash, $0] : [$0] }
            case .length:
                // Characters are octets that do not continue one.
                value = Array("\(value.count { $0 & 0xC0 != 0x80 })".utf8)
            }
        }
        return Self.cut(value, to: limits.variableLength)
    }

    /// At most that many octets, no character cut in two.
    static func cut(_ text: [UInt8], to limit: Int) -> [UInt8] {
        guard text.count > limit else { return text }
        var end = max(limit, 0)
        while end > 0, end > limit - 4, text[end] & 0xC0 == 0x80 { end -= 1 }
        return Array(text[..<end])
    }

    // MARK: - Flags

    func currentFlags() -> [String]? { hasFlags ? flags.map(string) : nil }

    /// The flags that an action names, or else those of the internal variable (RFC 5232 §2).
    mutating func actionFlags(_ templates: [SieveTemplate]?) throws(SieveRunFault) -> [String]? {
        guard let templates else { return currentFlags() }
        return SieveFlags.list(try expand(templates), limits: limits).map(string)
    }

    func flagList(of variable: [UInt8]) -> [[UInt8]] {
        SieveFlags.list([variables[variable] ?? []], limits: limits)
    }

    private mutating func changeFlags(
        _ change: SieveFlagChange,
        _ variable: [UInt8]?,
        _ templates: [SieveTemplate]
    ) throws(SieveRunFault) {
        let given = SieveFlags.list(try expand(templates), limits: limits)
        let old = variable.map { flagList(of: $0) } ?? flags
        let new =
            switch change {
            case .set: given
            case .add: SieveFlags.adding(given, to: old, limits: limits)
            case .remove: SieveFlags.removing(given, from: old)
            }
        guard let variable else {
            (flags, hasFlags) = (new, true)
            return
        }
        variables[variable] = Self.cut(Array(new.joined(separator: [ASCII.space])), to: limits.variableLength)
    }
}
