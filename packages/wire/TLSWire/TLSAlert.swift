/// Why a handshake is refused, said before there is a key: in clear text (RFC 8446 §6).
package enum TLSAlert: UInt8, CaseIterable, Sendable {
    /// The octets do not read as what they say they are.
    case decodeError = 50
    /// The server cannot go on, for reasons of its own.
    case internalError = 80
    /// An extension that this server cannot do without is not there (RFC 8446 §9.2).
    case missingExtension = 109
    /// Nobody here has that name (RFC 6066 §3).
    case unrecognizedName = 112
    /// None of the protocols that the client speaks is spoken here (RFC 7301 §3.2).
    case noApplicationProtocol = 120

    /// The whole record: `alert(21)`, TLS 1.2 as all records say, two octets: `fatal(2)` and the description.
    package var record: [UInt8] { [21, 3, 3, 0, 2, 2, rawValue] }
}
