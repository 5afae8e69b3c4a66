/// A header field: its name, and its value on one line without the space around it; nothing is decoded.
package struct SieveField: Hashable, Sendable {
    package var name: [UInt8]
    package var value: [UInt8]
    package init(name: [UInt8], value: [UInt8]) { (self.name, self.value) = (name, value) }
}

/// One MIME entity of a message (RFC 5703 §3).
package struct SieveEntity: Sendable {
    /// In their order.
    package var fields: [SieveField]
    /// 0 for the message itself; one more for a part of a multipart, and for the message within a `message/rfc822`.
    package var depth: Int
    package init(fields: [SieveField], depth: Int) { (self.fields, self.depth) = (fields, depth) }
}

/// How the octets of a body are wanted.
package enum SieveBodyForm: Hashable, Sendable {
    /// As they stand in the message: of a multipart with all its parts, of a `message/rfc822` the whole message in it.
    case raw
    /// Without the transfer encoding.
    case decoded
    /// Without the transfer encoding, as UTF-8 where the charset is known.
    case text
}

/// What a script may ask of a message; nothing is asked twice that a run can keep.
package protocol SieveMessage {
    /// Octets of the message (RFC 5228 §5.9).
    var size: Int { get }
    /// The fields of the message's own header.
    var fields: [SieveField] { get }
    /// Every entity in the order of the text, the message itself first; asked for `body`, `:mime` and parts only.
    var entities: [SieveEntity] { get }
    /// The body of the entity at that index, cut to `limit` octets.
    func body(of entity: Int, as form: SieveBodyForm, limit: Int) -> [UInt8]
    /// The value of a header field as UTF-8: encoded words decoded (RFC 2047), as far as charsets are known.
    func text(of value: [UInt8]) -> [UInt8]
}
