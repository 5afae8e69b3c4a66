import MessageFormat
import SieveScript

/// A message as scripts look at it; parsed when a script asks for more than its header.
struct ScriptMessage: SieveMessage {
    private let message: ParsedMessage
    private let parts: [(part: BodyPart, depth: Int)]

    init(_ bytes: [UInt8]) {
        message = ParsedMessage(parsing: bytes)
        parts = Self.parts(of: message.root, depth: 0)
    }

    /// In the order of the text, the message first.
    private static func parts(of part: BodyPart, depth: Int) -> [(part: BodyPart, depth: Int)] {
        [(part, depth)] + (part.children + part.embedded).flatMap { parts(of: $0, depth: depth + 1) }
    }

    var size: Int { message.bytes.count }
    var fields: [SieveField] { fields(of: message.root) }
    var entities: [SieveEntity] { parts.map { SieveEntity(fields: fields(of: $0.part), depth: $0.depth) } }

    private func fields(of part: BodyPart) -> [SieveField] {
        part.fields.fields.map {
            SieveField(name: Array(message.bytes[$0.name]), value: unfolded(message.bytes, $0.value))
        }
    }

    func body(of entity: Int, as form: SieveBodyForm, limit: Int) -> [UInt8] {
        guard parts.indices.contains(entity) else { return [] }
        let part = parts[entity].part
        switch form {
        case .raw: return Array(message.bytes[part.bodyRange].prefix(limit))
        case .decoded:
            let body = part.decodedBody(in: message.bytes) ?? Array(message.bytes[part.bodyRange])
            return Array(body.prefix(limit))
        case .text: return Array(part.decodedText(in: message.bytes).utf8.prefix(limit))
        }
    }

    func text(of value: [UInt8]) -> [UInt8] { Array(EncodedWord.decode(value).utf8) }
}
