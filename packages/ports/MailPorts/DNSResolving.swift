package import MailModel

/// Why a name could not be looked up.
///
/// No data is not an error.
package enum DNSError: Error, Equatable, Sendable {
    /// NXDOMAIN (permanent).
    case noSuchName
    /// SERVFAIL, time-out, network (transient); `reason` is for the log.
    case temporary(reason: String)
    /// Not a domain name (permanent).
    case invalidName
}

package struct MXRecord: Hashable, Sendable {
    package var preference: UInt16
    /// Lower case without the final dot; empty for the null MX (RFC 7505).
    package var host: String
    package init(preference: UInt16, host: String) { (self.preference, self.host) = (preference, host) }
}

/// An answer and whether DNSSEC validated it.
package struct DNSAnswer<Record: Sendable>: Sendable {
    package var records: [Record]
    package var isAuthentic: Bool
    package init(records: [Record], isAuthentic: Bool) { (self.records, self.isAuthentic) = (records, isAuthentic) }
}

package protocol DNSResolving: Sendable {
    func mx(_ name: String) async throws(DNSError) -> DNSAnswer<MXRecord>
    /// A and AAAA together, AAAA first.
    func addresses(_ name: String) async throws(DNSError) -> DNSAnswer<IPAddress>
    /// Each record's strings joined.
    func txt(_ name: String) async throws(DNSError) -> DNSAnswer<String>
    func ptr(_ address: IPAddress) async throws(DNSError) -> DNSAnswer<String>
}
