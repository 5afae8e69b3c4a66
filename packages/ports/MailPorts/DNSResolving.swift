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

/// Types of records that owners of domains publish for their mail.
package enum DNSRecordKind: String, Sendable, CaseIterable {
    case mx = "MX"
    case txt = "TXT"
    case srv = "SRV"
    case cname = "CNAME"
    case a = "A"
    case aaaa = "AAAA"
    /// RFC 6698.
    case tlsa = "TLSA"
}

/// What is published at a name, as a zone file writes it after the type; names lower case with the final dot, texts in one
/// piece without quotes.
package struct PublishedValues: Hashable, Sendable {
    package var values: [String]
    /// Seconds that the answer may be kept.
    package var ttl: Int
    /// Whether DNSSEC validated it.
    package var isAuthentic: Bool
    package init(values: [String], ttl: Int = 0, isAuthentic: Bool = false) {
        self.values = values
        self.ttl = ttl
        self.isAuthentic = isAuthentic
    }
}

/// Sees what is published, for those who check it rather than act on it.
package protocol PublishedRecordReading: Sendable {
    /// The records of the name itself: a CNAME record is followed unless it is what is asked for.
    func published(_ name: String, _ kind: DNSRecordKind) async throws(DNSError) -> PublishedValues
}
