package import MailModel

/// A policy as people write it: members that are not known are refused at every depth, so that a misspelt rule is not
/// taken for one.
package struct StrictPolicy: Decodable, Sendable {
    package static let members: Set<String> = [
        "max_message_bytes", "max_recipients", "sending", "recipients", "blocked_senders", "tls", "attachments",
        "footer",
        "copies", "retention", "registration",
    ]
    private static let inner: [String: Set<String>] = [
        "sending": ["account_per_hour", "account_per_day", "domain_per_hour", "domain_per_day"],
        "recipients": ["allowed", "blocked"], "tls": ["inbound", "outbound", "outbound_verified"],
        "attachments": ["names", "extensions", "types", "direction"], "footer": ["text", "html"],
        "retention": ["trash_days", "junk_days"],
    ]
    private static let copyMembers: Set<String> = ["address", "direction"]

    package var policy: DomainPolicy

    private struct AnyKey: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ text: String) { stringValue = text }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    package init(from decoder: any Decoder) throws {
        policy = try DomainPolicy(from: decoder)
        let root = try decoder.container(keyedBy: AnyKey.self)
        try Self.require(root, Self.members)
        for (name, known) in Self.inner {
            let key = AnyKey(name)
            guard root.contains(key), try !root.decodeNil(forKey: key) else { continue }
            try Self.require(try root.nestedContainer(keyedBy: AnyKey.self, forKey: key), known)
        }
        let copies = AnyKey("copies")
        guard root.contains(copies), try !root.decodeNil(forKey: copies) else { return }
        var list = try root.nestedUnkeyedContainer(forKey: copies)
        while !list.isAtEnd { try Self.require(try list.nestedContainer(keyedBy: AnyKey.self), Self.copyMembers) }
    }

    private static func require(_ container: KeyedDecodingContainer<AnyKey>, _ known: Set<String>) throws {
        guard let odd = container.allKeys.first(where: { !known.contains($0.stringValue) }) else { return }
        throw DecodingError.dataCorruptedError(
            forKey: odd,
            in: container,
            debugDescription: "\(odd.stringValue) is not known"
        )
    }
}
