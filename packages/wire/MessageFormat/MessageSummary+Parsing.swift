import ByteParsing
package import MailModel

extension MessageSummary {
    /// Parses the message once; never fails.
    package init(parsing bytes: [UInt8]) { self.init(of: ParsedMessage(parsing: bytes)) }

    package init(of message: ParsedMessage) {
        let root = message.root
        let bytes = message.bytes
        let text = { (name: StaticString) in
            let value = root.lastValue(name, in: bytes).map {
                EncodedWord.decode(Array($0.prefix(ParseLimits.decodedField)))
            }
            return Self.clipped(value ?? "", to: Self.textLimit)
        }
        let addresses = { (name: StaticString) in
            Self.clipped(Self.text(of: message.addresses(root, name)), to: Self.textLimit)
        }
        let messageID = root.lastValue("message-id", in: bytes).flatMap { MessageIdentifier.all(in: $0).first }
        var references = (root.lastValue("references", in: bytes).map(MessageIdentifier.all) ?? [])
        for identifier in root.lastValue("in-reply-to", in: bytes).map(MessageIdentifier.all) ?? []
        where !references.contains(identifier) {
            references.append(identifier)
        }
        self.init(
            envelope: message.imapEnvelope(of: root),
            bodyStructure: message.imapBodyStructure(of: root),
            headerSize: root.headerRange.upperBound,
            subject: text("subject"),
            from: addresses("from"),
            to: addresses("to"),
            cc: addresses("cc"),
            bcc: addresses("bcc"),
            messageID: messageID,
            references: Array(references.suffix(50)),
            sentAt: root.lastValue("date", in: bytes).flatMap(RFC5322Date.parse),
            hasAttachment: Self.hasAttachment(root, bytes),
            preview: Self.clipped(Preview.text(of: message), to: 256)
        )
    }

    /// Display names and addresses, separated by commas.
    private static func text(of addresses: [MessageAddress]) -> String {
        addresses.compactMap { address -> String? in
            let name = address.name.map(EncodedWord.decode)
            switch (name, address.addrSpec) {
            case (let name?, let spec?): return "\(name) <\(spec)>"
            case (nil, let spec?): return spec
            default: return name ?? address.mailbox.map { String(decoding: $0, as: UTF8.self) }
            }
        }.joined(separator: ", ")
    }

    private static func hasAttachment(_ part: BodyPart, _ bytes: [UInt8]) -> Bool {
        if !part.children.isEmpty { return part.children.contains { hasAttachment($0, bytes) } }
        if let disposition = part.disposition(in: bytes) {
            if disposition.isType("attachment") { return true }
            if disposition.parameter("filename") != nil { return !part.isText }
        }
        return !part.isText && !part.isMultipart && part.contentType.parameter("name") != nil
    }

    /// At most that many octets, cut between scalars.
    static func clipped(_ text: String, to limit: Int) -> String {
        guard text.utf8.count > limit else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: limit)
        while text.utf8[end] & 0xC0 == 0x80 { end = text.utf8.index(before: end) }
        return String(decoding: text.utf8[..<end], as: UTF8.self)
    }
}

/// `msg-id` (RFC 5322 §3.6.4).
package enum MessageIdentifier {
    /// Identifiers without angle brackets, at most 100 of at most 998 octets.
    package static func all(in text: [UInt8]) -> [String] {
        var found: [String] = []
        var index = text.startIndex
        while found.count < 100, let start = text[index...].firstIndex(of: ASCII.less) {
            guard let end = text[start...].firstIndex(of: ASCII.greater) else { break }
            let identifier = text[(start + 1)..<end]
            if !identifier.isEmpty, identifier.count <= 998, !identifier.contains(where: { $0 <= 32 }) {
                found.append(String(decoding: identifier, as: UTF8.self))
            }
            index = end + 1
        }
        return found
    }
}
