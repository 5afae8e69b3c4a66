import ByteParsing
import MailModel
import MessageFormat

/// A header whose fields are found by name without going through all of them again.
struct DKIMHeader: Sendable {
    let block: HeaderBlock
    /// Lower-case name to fields, from the top down.
    private let fields: [String: [HeaderField]]

    /// - Parameter message: header and body, or a header alone; not copied.
    init(_ message: [UInt8]) {
        block = HeaderBlock(message)
        var fields: [String: [HeaderField]] = [:]
        for field in block.fields.fields {
            fields[String(decoding: message[field.name].lazy.map(\.asciiLowercased), as: UTF8.self), default: []]
                .append(field)
        }
        self.fields = fields
    }

    var bytes: [UInt8] { block.bytes }
    var body: ArraySlice<UInt8> { block.bytes[block.bodyStart...] }

    /// The fields of a name in lower case.
    func named(_ name: String) -> [HeaderField] { fields[name, default: []] }

    /// What the fields of `names` add to the signed data, in that order.
    ///
    /// RFC 6376 §5.4.2: of fields with one name, the last comes first; names beyond those that occur stand for nothing.
    ///
    /// `except` is the signature that is being judged.
    func canonical(_ names: [String], _ form: DKIMCanonicalisation, except: HeaderField? = nil) -> [UInt8] {
        var left: [String: ArraySlice<HeaderField>] = [:]
        var output: [UInt8] = []
        for name in names {
            let key = EmailAddress.lowercased(name)
            var candidates = left[key] ?? named(key)[...]
            var field = candidates.popLast()
            if let found = field, found.line.lowerBound == except?.line.lowerBound { field = candidates.popLast() }
            left[key] = candidates
            if let field { output += form.field(field, of: bytes) }
        }
        return output
    }
}
