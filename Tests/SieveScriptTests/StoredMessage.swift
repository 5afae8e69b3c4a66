import MessageFormat
import SieveScript

/// A message as the platform reads it.
struct StoredMessage: SieveMessage {
    let parsed: ParsedMessage
    private let parts: [BodyPart]
    let fields: [SieveField]
    let entities: [SieveEntity]

    init(_ text: String) { self.init(bytes: Self.withCRLF(Array(text.utf8))) }

    init(bytes: [UInt8]) {
        let parsed = ParsedMessage(parsing: bytes)
        var found: [(part: BodyPart, depth: Int)] = []
        func walk(_ part: BodyPart, _ depth: Int) {
            found.append((part, depth))
            for child in part.children + part.embedded { walk(child, depth + 1) }
        }
        walk(parsed.root, 0)
        func fields(_ part: BodyPart) -> [SieveField] {
            part.fields.fields.map { SieveField(name: Array(bytes[$0.name]), value: unfolded(bytes, $0.value)) }
        }
        self.parsed = parsed
        self.parts = found.map(\.part)
        self.fields = fields(parsed.root)
        self.entities = found.map { SieveEntity(fields: fields($0.part), depth: $0.depth) }
    }

    var size: Int { parsed.bytes.count }

    func body(of entity: Int, as form: SieveBodyForm, limit: Int) -> [UInt8] {
        let part = parts[entity]
        let bytes: [UInt8] =
            switch form {
            case .raw: Array(parsed.bytes[part.bodyRange])
            case .decoded: part.decodedBody(in: parsed.bytes) ?? Array(parsed.bytes[part.bodyRange])
            case .text: Array(part.decodedText(in: parsed.bytes).utf8)
            }
        return Array(bytes.prefix(limit))
    }

    func text(of value: [UInt8]) -> [UInt8] { Array(EncodedWord.decode(value).utf8) }

    static func withCRLF(_ text: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        for byte in text {
            if byte == 10, output.last != 13 { output.append(13) }
            output.append(byte)
        }
        return output
    }
}
