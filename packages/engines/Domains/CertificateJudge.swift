import ByteParsing
import MailCrypto
import MailModel
import MailPorts

/// Says of a certificate what its owner must know.
struct CertificateJudge: Sendable {
    /// Names that are kept of one certificate, and octets of each text.
    static let maximumNames = 100
    static let maximumOctets = 300

    /// PEM file of who is trusted; the system's when nil.
    let roots: String?

    /// - Parameter isKeysOwn: whether the private key beside it is the certificate's; nil where none can be looked at.
    func sight(
        of chain: [Certificate],
        host: String,
        isKeysOwn: Bool? = nil,
        now: Timestamp
    ) -> CertificateSight {
        guard let own = chain.first else {
            return CertificateSight(at: now, status: .unreachable, fault: "no certificate was shown")
        }
        let (status, fault) = verdict(chain, own, host, isKeysOwn, now)
        return CertificateSight(
            at: now,
            status: status,
            notBefore: Timestamp(seconds: own.notBefore),
            notAfter: Timestamp(seconds: own.notAfter),
            subject: Self.cut(own.subject),
            issuer: Self.cut(own.issuer),
            names: own.names.prefix(Self.maximumNames).map(Self.cut),
            keyHash: Hexadecimal.text(own.keyHash),
            fault: Self.cut(fault)
        )
    }

    private func verdict(
        _ chain: [Certificate],
        _ own: Certificate,
        _ host: String,
        _ isKeysOwn: Bool?,
        _ now: Timestamp
    ) -> (CertificateStatus, String) {
        if isKeysOwn == false { return (.keyMismatch, "the private key is not this certificate's") }
        if own.notAfter <= now.seconds { return (.expired, "it has ended") }
        if own.notBefore > now.seconds { return (.notYetValid, "it is not valid yet") }
        if !own.isFor(host) { return (.wrongName, "it is not for \(host)") }
        if let why = Certificate.fault(in: chain, roots: roots) {
            // OpenSSL's words for a server that sends its own certificate only.
            let isAlone = chain.count == 1 && own.issuer != own.subject
            return (.untrusted, isAlone ? "\(why): the intermediate certificates may be missing" : why)
        }
        return switch CertificateStep(end: Timestamp(seconds: own.notAfter), now: now) {
        case .expired, .sevenDays: (.urgent, "it ends within seven days")
        case .thirtyDays: (.expiring, "it ends within thirty days")
        case nil: (.ok, "")
        }
    }

    /// Printable already; what others have written is cut.
    private static func cut(_ text: String) -> String {
        text.utf8.count <= maximumOctets ? text : String(decoding: text.utf8.prefix(maximumOctets), as: UTF8.self)
    }
}
