/// What `/openapi.json` says of a value: a JSON schema (2020-12) in few words.
package indirect enum Schema: Sendable {
    case anything
    case text
    /// Octets it has at least and at most.
    case boundedText(ClosedRange<Int>)
    case choice([String])
    case integer
    case boundedInteger(ClosedRange<Int>)
    case number
    case truth
    /// RFC 3339.
    case time
    /// A day, `2026-01-31` (RFC 3339 §5.6: full-date).
    case date
    case list(Schema)
    /// Values by names that are not known beforehand.
    case map(Schema)
    /// Members that are all there, but for optional ones.
    case object([String: Schema])
    /// A member that may be missing.
    case optional(Schema)
    case nullable(Schema)
    /// A schema that others point to by its name, kept under `components`.
    case named(String, Schema)

    /// An object that others point to by its name.
    package static func document(_ name: String, _ members: [String: Schema]) -> Schema {
        .named(name, .object(members))
    }

    /// What `sort` of a list takes.
    package static func sort(_ names: String...) -> Schema { .choice(names + names.map { "-\($0)" }) }

    /// A page of a list: its items, and the `next` that the following page's `after` takes.
    package static func page(_ name: String, of item: Schema) -> Schema {
        .object([name: .list(item), "next": .optional(.text)])
    }

    var isOptional: Bool {
        if case .optional = self { true } else { false }
    }

    /// The schema as JSON; what is named is added to the components.
    func json(_ components: inout [String: JSONValue]) -> JSONValue {
        switch self {
        case .anything: return .object([:])
        case .text: return .object(["type": .text("string")])
        case .boundedText(let range):
            return .object([
                "type": .text("string"), "minLength": .number(range.lowerBound), "maxLength": .number(range.upperBound),
            ])
        case .choice(let words):
            return .object(["type": .text("string"), "enum": .list(words.map { .text($0) })])
        case .integer: return .object(["type": .text("integer"), "format": .text("int64")])
        case .boundedInteger(let range):
            return .object([
                "type": .text("integer"), "minimum": .number(range.lowerBound), "maximum": .number(range.upperBound),
            ])
        case .number: return .object(["type": .text("number")])
        case .truth: return .object(["type": .text("boolean")])
        case .time: return .object(["type": .text("string"), "format": .text("date-time")])
        case .date: return .object(["type": .text("string"), "format": .text("date")])
        case .list(let item): return .object(["type": .text("array"), "items": item.json(&components)])
        case .map(let value):
            return .object(["type": .text("object"), "additionalProperties": value.json(&components)])
        case .object(let members): return Self.object(members, &components)
        case .optional(let schema): return schema.json(&components)
        case .nullable(let schema):
            return .object(["anyOf": .list([schema.json(&components), .object(["type": .text("null")])])])
        case .named(let name, let schema):
            if components[name] == nil { components[name] = schema.json(&components) }
            return .object(["$ref": .text("#/components/schemas/\(name)")])
        }
    }

    private static func object(_ members: [String: Schema], _ components: inout [String: JSONValue]) -> JSONValue {
        var properties: [String: JSONValue] = [:]
        for (name, schema) in members { properties[name] = schema.json(&components) }
        let required = members.filter { !$0.value.isOptional }.keys.sorted()
        var object: [String: JSONValue] = [
            "type": .text("object"), "properties": .object(properties), "additionalProperties": .truth(false),
        ]
        if !required.isEmpty { object["required"] = .list(required.map { .text($0) }) }
        return .object(object)
    }
}

/// A JSON value of our own making.
enum JSONValue: Encodable {
    case text(String)
    case number(Int)
    case truth(Bool)
    case list([JSONValue])
    case object([String: JSONValue])

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let text): try container.encode(text)
        case .number(let number): try container.encode(number)
        case .truth(let truth): try container.encode(truth)
        case .list(let list): try container.encode(list)
        case .object(let object): try container.encode(object)
        }
    }
}
