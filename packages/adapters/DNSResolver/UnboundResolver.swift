import CUnbound
package import MailModel
package import MailPorts

/// DNS by libunbound (RFC 1035): one context, its own cache, lookups side by side.
///
/// A lookup that takes longer than the time limit is `.temporary`; libunbound ends it in its own time.
package final class UnboundResolver: DNSResolving {
    /// Records of one answer that are looked at.
    package static let maximumRecords = 100

    let engine: UnboundEngine
    let timeout: Duration

    /// - Parameters:
    ///   - server: `address@port` to ask; nil: those of /etc/resolv.conf.
    ///   - timeout: what one lookup has.
    package init(server: String?, timeout: Duration) throws(ResolverError) {
        engine = try UnboundEngine(server: server)
        self.timeout = timeout
    }

    package func mx(_ name: String) async throws(DNSError) -> DNSAnswer<MXRecord> {
        try await records(name, .mx) { rdata in
            guard rdata.count >= 3, let host = DNSName.text(rdata[2...]) else { return nil }
            return MXRecord(preference: UInt16(rdata[0]) << 8 | UInt16(rdata[1]), host: host)
        }
    }

    package func txt(_ name: String) async throws(DNSError) -> DNSAnswer<String> {
        try await records(name, .txt, Self.joined)
    }

    /// The strings of a TXT record in one piece (RFC 1035 §3.3.14); nil when they do not fit into it.
    static func joined(_ data: [UInt8]) -> String? {
        var text: [UInt8] = []
        var rest = data[...]
        while let length = rest.popFirst() {
            guard rest.count >= length else { return nil }
            text += rest.prefix(Int(length))
            rest = rest.dropFirst(Int(length))
        }
        return String(decoding: text, as: UTF8.self)
    }

    package func ptr(_ address: IPAddress) async throws(DNSError) -> DNSAnswer<String> {
        try await records(DNSName.reverse(address), .ptr) { DNSName.text($0[...]) }
    }

    package func addresses(_ name: String) async throws(DNSError) -> DNSAnswer<IPAddress> {
        async let six = outcome(name, .aaaa)
        async let four = outcome(name, .a)
        switch (await six, await four) {
        case (.success(let six), .success(let four)):
            return DNSAnswer(records: six.records + four.records, isAuthentic: six.isAuthentic && four.isAuthentic)
        // One family that answers is enough to send mail.
        case (.success(let found), .failure), (.failure, .success(let found)):
            guard !found.records.isEmpty else { throw .temporary(reason: "one address family did not answer") }
            return found
        case (.failure(let error), .failure):
            throw error
        }
    }

    private func outcome(_ name: String, _ type: RecordType) async -> Result<DNSAnswer<IPAddress>, DNSError> {
        do throws(DNSError) {
            return .success(try await records(name, type) { IPAddress(bytes: $0) })
        } catch {
            return .failure(error)
        }
    }

    private func records<Record: Sendable>(
        _ name: String,
        _ type: RecordType,
        _ read: ([UInt8]) -> Record?
    ) async throws(DNSError) -> DNSAnswer<Record> {
        guard DNSName.isValid(name) else { throw .invalidName }
        let raw = try await traced("dns lookup", kind: .client, attributes: ["dns.question.type": "\(type)"]) {
            () async throws(DNSError) in
            try await engine.resolve(name, type, timeout: timeout).get()
        }
        return DNSAnswer(
            records: raw.records.prefix(Self.maximumRecords).compactMap(read),
            isAuthentic: raw.isAuthentic
        )
    }
}

/// Why no resolver can be made; one line for the operator.
package struct ResolverError: Error, CustomStringConvertible {
    package let description: String
}

/// RFC 1035 §3.2.2, RFC 3596 §2.1.
enum RecordType: CInt, Sendable {
    case a = 1
    case cname = 5
    case ptr = 12
    case mx = 15
    case txt = 16
    case aaaa = 28
    case srv = 33
    case tlsa = 52
}
