import ByteParsing

extension SieveRun {
    /// Takes an action, within the bounds.
    mutating func add(_ action: SieveAction) throws(SieveRunFault) {
        guard outcome.actions.count < limits.actions + limits.headerEdits else {
            throw fault(.limit, "The script does more than it may; remove actions.")
        }
        outcome.actions.append(action)
    }

    mutating func act(_ kind: SieveStatement.Kind) throws(SieveRunFault) {
        switch kind {
        case .keep(let templates):
            let flags = try actionFlags(templates)
            isKept = false
            try keep(flags)
        case .discard:
            isKept = false
            if !outcome.actions.contains(.discard) { try take(.discard) }
        case .redirect(let address, let isCopy): try redirect(try expand(address), isCopy: isCopy)
        case .fileInto(let command): try fileInto(command)
        case .reject(let text, let isExtended):
            isKept = false
            let text = try expand(text, limit: limits.reasonLength)
            try take(.reject(text: string(text), isExtended: isExtended))
        case .vacation(let command): try vacation(command)
        case .branch, .stop, .set, .flags, .addHeader, .deleteHeader, .error, .forEveryPart, .leave, .extractText:
            preconditionFailure("no action")
        }
    }

    /// Takes an action of the message as a whole, when it goes with the others.
    private mutating func take(_ action: SieveAction) throws(SieveRunFault) {
        for other in outcome.actions where Self.conflicts(action, other) || Self.conflicts(other, action) {
            throw fault(
                .conflict,
                "The message is refused, or answered, and something else happens to it that excludes this; choose one."
            )
        }
        guard outcome.actions.count(where: { !$0.isEdit }) < limits.actions else {
            throw fault(.limit, "The script does more than \(limits.actions) actions; remove some.")
        }
        try add(action)
    }

    /// RFC 5429 §2.5: a refusal goes with discard only; RFC 5230 §4.7: one vacation, and none with a refusal.
    private static func conflicts(_ action: SieveAction, _ other: SieveAction) -> Bool {
        switch (action, other) {
        case (.reject, .keep), (.reject, .fileInto), (.reject, .redirect), (.reject, .vacation), (.reject, .reject),
            (.vacation, .vacation):
            true
        case (.keep, _), (.fileInto, _), (.redirect, _), (.discard, _), (.reject, _), (.vacation, _), (.edit, _): false
        }
    }

    /// RFC 5228 §2.10.3: one copy in a mailbox; its flags are those of all of them.
    private mutating func keep(_ flags: [String]?) throws(SieveRunFault) {
        for (index, action) in outcome.actions.enumerated() {
            guard case .keep(let old) = action else { continue }
            outcome.actions[index] = .keep(flags: union(old, flags))
            return
        }
        try take(.keep(flags: flags))
    }

    private func union(_ old: [String]?, _ new: [String]?) -> [String]? {
        guard old != nil || new != nil else { return nil }
        let both = ((old ?? []) + (new ?? [])).map { Array($0.utf8) }
        return SieveFlags.list(both, limits: limits).map(string)
    }

    private mutating func fileInto(_ command: SieveFilingCommand) throws(SieveRunFault) {
        let bytes = try expand(command.mailbox)
        guard !bytes.isEmpty, bytes.count <= limits.mailboxName, !bytes.contains(where: \.isASCIIControl),
            let mailbox = String(validating: bytes, as: UTF8.self)
        else { throw fault(.value, "\(quoted(bytes)) is no name of a mailbox; look at the variables in it.") }
        var filing = SieveFiling(mailbox: mailbox, flags: try actionFlags(command.flags))
        (filing.isCreated, filing.isCopy) = (command.isCreated, command.isCopy)
        if let template = command.specialUse {
            let use = try expand(template)
            guard SieveFlags.isUse(use) else {
                throw fault(.value, "\(quoted(use)) is no special use; look at the variables in it.")
            }
            filing.specialUse = string(use)
        }
        if !command.isCopy { isKept = false }
        for (index, action) in outcome.actions.enumerated() {
            guard case .fileInto(var old) = action, Self.isSame(old.mailbox, filing.mailbox),
                old.specialUse == filing.specialUse
            else { continue }
            old.flags = union(old.flags, filing.flags)
            old.isCreated = old.isCreated || filing.isCreated
            old.isCopy = old.isCopy && filing.isCopy
            outcome.actions[index] = .fileInto(old)
            return
        }
        try take(.fileInto(filing))
    }

    /// Octet by octet, unlike the equality of `String`.
    private static func isSame(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }

    private mutating func redirect(_ address: [UInt8], isCopy: Bool) throws(SieveRunFault) {
        guard SieveAddress.single(address) != nil else {
            throw fault(.value, "\(quoted(address)) is no address; look at the variables in it.")
        }
        if !isCopy { isKept = false }
        let text = string(address)
        var count = 0
        for (index, action) in outcome.actions.enumerated() {
            guard case .redirect(let old) = action else { continue }
            count += 1
            guard Self.isSame(old.address, text) else { continue }
            outcome.actions[index] = .redirect(SieveRedirect(address: text, isCopy: old.isCopy && isCopy))
            return
        }
        // RFC 5228 §10: "limit the number of redirects".
        guard count < limits.redirects else {
            throw fault(.limit, "The script redirects to more than \(limits.redirects) addresses; remove some.")
        }
        try take(.redirect(SieveRedirect(address: text, isCopy: isCopy)))
    }

    private mutating func vacation(_ command: SieveVacationCommand) throws(SieveRunFault) {
        let reason = try expand(command.reason, limit: limits.reasonLength)
        var vacation = SieveVacation(reason: string(reason))
        if let subject = command.subject { vacation.subject = string(oneLine(try expand(subject, limit: 1_000))) }
        if let from = command.from {
            let text = try expand(from)
            // RFC 5230 §4.4: an invalid address is passed over, and the owner's taken.
            if SieveAddress.parse(text, limit: 2).count == 1, text.count <= 1_000 {
                vacation.from = string(oneLine(text))
            }
        }
        vacation.addresses = try expand(command.addresses).map(string)
        vacation.isMIME = command.isMIME
        if let handle = command.handle { vacation.handle = string(try expand(handle, limit: 1_000)) }
        vacation.seconds = command.seconds
        try take(.vacation(vacation))
    }

    /// A text that goes into a header field: line ends and other controls become spaces.
    func oneLine(_ text: [UInt8]) -> [UInt8] { text.map { $0.isASCIIControl ? ASCII.space : $0 } }

    // MARK: - Header edits

    /// RFC 5293 §4.
    mutating func addHeader(
        _ name: SieveTemplate,
        _ value: SieveTemplate,
        isLast: Bool
    ) throws(SieveRunFault) {
        let field = try expand(name)
        guard SieveHeaders.isFieldName(field) else {
            throw fault(.value, "\(quoted(field)) is no name of a header field; look at the variables in it.")
        }
        let text = trimmed(oneLine(try expand(value)))
        guard text.count <= limits.headerValue else {
            throw fault(.limit, "The value is too long; \(limits.headerValue) octets are the most.")
        }
        guard !Self.isProtected(field) else { return }
        try edit(.add(name: string(field), value: string(text), isLast: isLast))
        fields.insert(SieveField(name: field, value: text), at: isLast ? fields.count : 0)
    }

    /// RFC 5293 §5.
    mutating func deleteHeader(_ deletion: SieveHeaderDeletion) throws(SieveRunFault) {
        let name = try expand(deletion.name)
        guard SieveHeaders.isFieldName(name) else {
            throw fault(.value, "\(quoted(name)) is no name of a header field; look at the variables in it.")
        }
        guard !Self.isProtected(name) else { return }
        var patterns: [[UInt8]]?
        if let templates = deletion.patterns { patterns = try expand(templates) }
        let indices = fields.indices.filter { fields[$0].name.equalsIgnoringASCIICase(name) }
        var chosen: [Int] = []
        for index in indexed(indices, deletion.index) {
            guard let patterns, !deletion.match.counts else {
                chosen.append(index)
                continue
            }
            let value = message.text(of: fields[index].value)
            if try matches([value], patterns, deletion.match, setsCaptures: false) { chosen.append(index) }
        }
        if let patterns, deletion.match.counts {
            let isMatch = try matches(indices.map { fields[$0].value }, patterns, deletion.match, setsCaptures: false)
            if !isMatch { chosen = [] }
        }
        // From the end, so that the numbers of those before stay as they are.
        for index in chosen.reversed() {
            let occurrence = fields[...index].count { $0.name.equalsIgnoringASCIICase(name) }
            try edit(.delete(name: string(name), occurrence: occurrence))
            fields.remove(at: index)
            try fuel.burn(fields.count)
        }
    }

    private mutating func edit(_ edit: SieveHeaderEdit) throws(SieveRunFault) {
        edits += 1
        guard edits <= limits.headerEdits else {
            throw fault(.limit, "The script edits more than \(limits.headerEdits) header fields; edit fewer.")
        }
        try add(.edit(edit))
    }

    /// RFC 5293 §5 and §6: the trace of a message stays, without a fault.
    private static func isProtected(_ name: [UInt8]) -> Bool {
        ["received", "auto-submitted", "return-path"].contains { name.equalsIgnoringASCIICase($0.utf8) }
    }

    func trimmed(_ text: [UInt8]) -> [UInt8] {
        guard let first = text.firstIndex(where: { $0 > 32 }), let last = text.lastIndex(where: { $0 > 32 }) else {
            return []
        }
        return Array(text[first...last])
    }
}

extension SieveAction {
    var isEdit: Bool {
        if case .edit = self { true } else { false }
    }
}
