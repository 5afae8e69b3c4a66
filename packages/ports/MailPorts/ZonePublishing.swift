/// A name server that takes changes of a zone, and the key that they are signed with (RFC 2136, RFC 8945).
package struct ZoneServer: Sendable, CustomStringConvertible {
    /// Lower case, without the final dot.
    package var zone: String
    /// A host name or an IP address.
    package var host: String
    package var port: UInt16
    package var keyName: String
    package var algorithm: ZoneKeyAlgorithm
    /// In no text and no log.
    package var secret: [UInt8]

    package init(
        zone: String,
        host: String,
        port: UInt16,
        keyName: String,
        algorithm: ZoneKeyAlgorithm,
        secret: [UInt8]
    ) {
        self.zone = zone
        self.host = host
        self.port = port
        self.keyName = keyName
        self.algorithm = algorithm
        self.secret = secret
    }

    package var description: String { "\(zone) at \(host):\(port)" }
}

/// Others are not taken: MD5 and SHA-1 are not to be used any more (RFC 8945 §6).
package enum ZoneKeyAlgorithm: String, Sendable, CaseIterable {
    case hmacSHA256 = "hmac-sha256"
    case hmacSHA384 = "hmac-sha384"
    case hmacSHA512 = "hmac-sha512"
}

/// The records of a type at a name.
package struct ZoneSet: Hashable, Sendable {
    /// Lower case, without the final dot.
    package var name: String
    package var kind: DNSRecordKind
    package init(_ name: String, _ kind: DNSRecordKind) { (self.name, self.kind) = (name, kind) }
}

/// A record as a zone has it, or is to have it.
package struct ZoneRecord: Hashable, Sendable {
    package var set: ZoneSet
    /// Seconds.
    package var ttl: Int
    /// As `PublishedValues` writes it.
    package var value: String
    /// As the server has it, for it to be recognised octet by octet; nil for one that is new.
    package var data: [UInt8]?

    package init(set: ZoneSet, ttl: Int, value: String, data: [UInt8]? = nil) {
        self.set = set
        self.ttl = ttl
        self.value = value
        self.data = data
    }
}

/// Changes that are made all or none, and what must be true of the zone for it.
package struct ZoneChange: Hashable, Sendable {
    package enum Requirement: Hashable, Sendable {
        /// Nothing at all is at the name.
        case unused(String)
        case absent(ZoneSet)
        /// These records and no others.
        case exactly(ZoneSet, [ZoneRecord])
    }
    package var requirements: [Requirement] = []
    package var removals: [ZoneRecord] = []
    package var additions: [ZoneRecord] = []
    package init() {}

    package var isEmpty: Bool { removals.isEmpty && additions.isEmpty }
}

/// Why a zone was not read or not changed.
package enum ZoneFault: Error, Hashable, Sendable {
    /// Not an address of the public Internet, nor of a network that a setting opens (permanent until somebody changes it).
    case addressRefused
    case nameUnknown
    /// No connection.
    case unreachable
    /// No answer in time, or the connection ended before it.
    case noAnswer
    /// Octets that are no answer to what was asked.
    case malformed
    /// The server has no such key, or has it for another algorithm.
    case badKey
    /// The secret is another one.
    case badSignature
    /// Clocks differ by more than five minutes; seconds since 1970.
    case badTime(server: Int64, ours: Int64)
    /// An answer that is not signed as it should be; the word is what it says.
    case unsigned(String)
    case forged
    /// The key may not do it.
    case refused
    /// The server does not serve the zone.
    case notAuthoritative
    /// A name is not in the zone.
    case notZone
    /// Names below this one are another zone's.
    case delegated(String)
    /// The zone is not as it was when it was looked at.
    case changed
    /// Other answers, by their words: SERVFAIL, FORMERR.
    case failed(String)
    /// A value that cannot be written as a record.
    case unwritable(String)
    /// The key's secret cannot be opened: it was sealed with a master key that is gone.
    case keyUnreadable

    /// Whether nothing has been changed for certain.
    package var isCertain: Bool {
        switch self {
        case .noAnswer, .malformed, .unsigned, .forged, .failed: false
        case .addressRefused, .nameUnknown, .unreachable, .badKey, .badSignature, .badTime, .refused, .notAuthoritative,
            .notZone, .delegated, .changed, .unwritable, .keyUnreadable:
            true
        }
    }
}

/// Reads and changes zones where they are kept.
///
/// The servers are named by tenants, so nothing of ours may be reached by it: addresses are judged after the name is resolved
/// and for the very address that is connected to; sizes and times are bounded, and only signed answers are believed.
package protocol ZonePublishing: Sendable {
    /// Whether the host would be asked at all, as far as its text tells.
    func mayAsk(_ host: String) -> Bool
    /// What the server itself says of the sets, each in its turn; `.notAuthoritative` when it does not serve the zone.
    ///
    /// Where an alias stands at a name, its record is the answer whatever was asked for.
    func records(_ sets: [ZoneSet], at server: ZoneServer) async throws(ZoneFault) -> [[ZoneRecord]]
    /// Makes the changes; `.changed` when a requirement does not hold.
    func apply(_ change: ZoneChange, at server: ZoneServer) async throws(ZoneFault)
}
