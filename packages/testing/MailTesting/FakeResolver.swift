package import MailModel
package import MailPorts

/// DNS by tables; a name in none of them does not exist.
package struct FakeResolver: DNSResolving, PublishedRecordReading {
    package var exchanges: [String: Result<[MXRecord], DNSError>] = [:]
    package var hosts: [String: Result<[IPAddress], DNSError>] = [:]
    package var texts: [String: Result<[String], DNSError>] = [:]
    /// By name and type: `shop.test MX`.
    package var published: [String: Result<PublishedValues, DNSError>] = [:]
    package var names: [IPAddress: Result<[String], DNSError>] = [:]

    package init() {}

    package func mx(_ name: String) async throws(DNSError) -> DNSAnswer<MXRecord> {
        // A name that has addresses exists, and has no MX.
        try answer(exchanges[name] ?? (hosts[name] == nil ? nil : .success([])))
    }
    package func addresses(_ name: String) async throws(DNSError) -> DNSAnswer<IPAddress> { try answer(hosts[name]) }
    package func txt(_ name: String) async throws(DNSError) -> DNSAnswer<String> { try answer(texts[name]) }
    package func ptr(_ address: IPAddress) async throws(DNSError) -> DNSAnswer<String> { try answer(names[address]) }

    package func published(_ name: String, _ kind: DNSRecordKind) async throws(DNSError) -> PublishedValues {
        guard let found = published["\(name) \(kind.rawValue)"] else { throw .noSuchName }
        return try found.get()
    }

    /// Publishes values at a name.
    package mutating func publish(_ name: String, _ kind: DNSRecordKind, _ values: String...) {
        published["\(name) \(kind.rawValue)"] = .success(PublishedValues(values: values, ttl: 300))
    }

    /// Makes every lookup there fail.
    package mutating func fail(_ name: String, _ kind: DNSRecordKind) {
        published["\(name) \(kind.rawValue)"] = .failure(.temporary(reason: "SERVFAIL"))
    }

    private func answer<Record>(_ found: Result<[Record], DNSError>?) throws(DNSError) -> DNSAnswer<Record> {
        guard let found else { throw .noSuchName }
        return DNSAnswer(records: try found.get(), isAuthentic: false)
    }
}
