package import MailPorts

/// A DNS record that the owner of a domain publishes.
package struct DomainRecord: Hashable, Sendable {
    /// Fully qualified, without the final dot.
    package var name: String
    package var kind: DNSRecordKind
    /// As a zone file writes it after the type; a TXT record's text without quotes, in one piece.
    package var value: String
    /// Seconds.
    package var ttl: Int

    package init(name: String, kind: DNSRecordKind, value: String, ttl: Int = 3_600) {
        self.name = name
        self.kind = kind
        self.value = value
        self.ttl = ttl
    }
}
