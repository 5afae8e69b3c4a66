import ByteParsing

extension SieveRun {
    // MARK: - Entities

    /// The entities of the message; the first has the header as the edits left it.
    mutating func entities() throws(SieveRunFault) -> [SieveEntity] {
        if knownEntities == nil {
            var found = Array(message.entities.prefix(limits.parts))
            if found.isEmpty { found = [SieveEntity(fields: [], depth: 0)] }
            knownEntities = found
        }
        var all = knownEntities ?? []
        try fuel.burn(all.count)
        all[0].fields = fields
        return all
    }

    /// The entities below that one.
    private func below(_ index: Int, _ entities: [SieveEntity]) -> Range<Int> {
        var end = index + 1
        while end < entities.count, entities[end].depth > entities[index].depth { end += 1 }
        return (index + 1)..<end
    }

    /// The headers that a test looks into: the message's, or those that `:mime` names (RFC 5703 §4).
    mutating func sources(_ mime: SieveMIMEOption?) throws(SieveRunFault) -> [[SieveField]] {
        guard let mime else { return [fields] }
        let all = try entities()
        let index = entity ?? 0
        guard mime.hasChildren else { return [all[index].fields] }
        return [all[index].fields] + all[below(index, all)].map(\.fields)
    }

    /// `foreverypart` (RFC 5703 §3): every part in the order of the text; within another loop those of its part.
    mutating func loop(_ statements: [SieveStatement]) throws(SieveRunFault) -> Flow {
        let all = try entities()
        let outer = entity
        defer { entity = outer }
        for index in outer.map({ below($0, all) }) ?? 0..<all.count {
            entity = index
            try fuel.burn()
            switch try block(statements) {
            case .next: ()
            case .stop: return .stop
            case .leave(let loops): return loops > 1 ? .leave(loops - 1) : .next
            }
        }
        return .next
    }

    /// `extracttext` (RFC 5703 §7): the text of the part; empty when it has none.
    mutating func extract(_ name: [UInt8], _ modifiers: [SieveModifier], _ first: Int64?) throws(SieveRunFault) {
        let all = try entities()
        let index = entity ?? 0
        var text: [UInt8] = []
        if all[index].isText { text = try plainText(index, all[index]) }
        if let first {
            // Characters, not octets.
            var (end, count) = (0, Int64(0))
            while end < text.count, count < first {
                end += max(1, scalarWidth(text, at: end))
                count += 1
            }
            text = Array(text[..<min(end, text.count)])
            try fuel.burn(text.count)
        }
        variables[name] = modified(text, modifiers)
    }

    /// A body, kept for the next test that asks.
    mutating func body(_ index: Int, _ form: SieveBodyForm) throws(SieveRunFault) -> [UInt8] {
        let key = BodyKey(entity: index, form: form)
        if let known = bodies[key] { return known }
        let found = message.body(of: index, as: form, limit: max(0, limits.bodyLength - bodyOctets))
        bodyOctets += found.count
        bodies[key] = found
        try fuel.burn(found.count)
        return found
    }

    /// The text of a part, of HTML without its marks.
    private mutating func plainText(_ index: Int, _ entity: SieveEntity) throws(SieveRunFault) -> [UInt8] {
        let text = try body(index, .text)
        guard entity.type.subtype == "html" else { return text }
        try fuel.burn(text.count)
        return SieveHTML.text(of: text)
    }

    // MARK: - The test body

    /// RFC 5173 §4; its matches set no match variables (§5 names none, and other servers set none).
    mutating func isTrue(_ test: SieveBodyTest) throws(SieveRunFault) -> Bool {
        let keys = try expand(test.keys)
        var values: [[UInt8]] = []
        switch test.transform {
        case .raw: values = [try body(0, .raw)]
        case .text:
            let all = try entities()
            for (index, entity) in all.enumerated() where entity.isText {
                values.append(try plainText(index, entity))
            }
        case .content(let templates):
            let types = try expand(templates)
            let all = try entities()
            for (index, entity) in all.enumerated() where types.contains(where: entity.isContent) {
                values.append(try content(index, entity, all))
            }
        }
        return try matches(values, keys, test.match, setsCaptures: false)
    }

    /// Of a multipart what stands around its parts, of a message in a message its header, of others the body
    /// (RFC 5173 §5.2).
    private mutating func content(
        _ index: Int,
        _ entity: SieveEntity,
        _ all: [SieveEntity]
    ) throws(SieveRunFault) -> [UInt8] {
        let (type, subtype) = entity.type
        if type == "multipart" { return SieveEntity.aroundParts(try body(index, .raw), entity.boundary) }
        if type == "message", subtype == "rfc822" || subtype == "global" {
            let text = try body(index, .raw)
            return Array(text[..<(SieveEntity.headerEnd(text))])
        }
        return try body(index, type == "text" ? .text : .decoded)
    }

    // MARK: - Values of `:mime`

    /// What `:type`, `:subtype`, `:contenttype` and `:param` make of a field's value (RFC 5703 §4.1).
    mutating func texts(_ value: [UInt8], _ part: SieveMIMEOption.Part) throws(SieveRunFault) -> [[UInt8]] {
        try fuel.burn(value.count + 1)
        if case .whole = part { return [trimmed(message.text(of: value))] }
        let parsed = SieveParameters(value)
        let (type, subtype) = parsed.parts
        switch part {
        case .whole: return []
        case .type: return [type]
        case .subtype: return [subtype]
        case .contentType: return subtype.isEmpty ? [type] : [type + [ASCII.slash] + subtype]
        case .parameters(let templates):
            let names = try expand(templates)
            return names.flatMap { name in
                parsed.parameters.filter { $0.name.equalsIgnoringASCIICase(name) }.map(\.value)
            }
        }
    }
}
