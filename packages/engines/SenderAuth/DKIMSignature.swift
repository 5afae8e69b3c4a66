import ByteParsing
import MailModel
import MailPorts

/// A DKIM-Signature field, read (RFC 6376 §3.5).
struct DKIMSignature: Sendable {
    /// Why a signature cannot be judged; permanent.
    enum Fault: Error, Equatable {
        case syntax, version, algorithm, canonicalisation
        case missingTag(String)
        case fromNotSigned, identity, method
    }

    let algorithm: DKIMKey.Algorithm
    let header: DKIMCanonicalisation
    let body: DKIMCanonicalisation
    let domain: String
    let selector: String
    let identity: String?
    let signedNames: [String]
    let bodyHash: [UInt8]
    let signature: [UInt8]
    let bodyLength: Int?
    let signedAt: Int64?
    let expiresAt: Int64?
    /// The field's value with an empty `b=`.
    let unsignedValue: [UInt8]

    /// Reads what stands behind the colon, folding included, without the final CRLF.
    init(_ value: [UInt8]) throws(Fault) {
        guard let tags = DKIMTagList(value) else { throw .syntax }
        for name in ["v", "a", "b", "bh", "d", "h", "s"] where tags[name] == nil { throw .missingTag(name) }
        guard tags.text("v") == "1" else { throw .version }
        // RFC 8301 §3.1: "rsa-sha1 MUST NOT be used for signing or verifying."
        guard let algorithm = DKIMKey.Algorithm(rawValue: EmailAddress.lowercased(tags.text("a") ?? "")) else {
            throw .algorithm
        }
        self.algorithm = algorithm
        let forms = (tags.text("c") ?? "simple/simple").split(separator: "/", omittingEmptySubsequences: false).map(
            String.init
        )
        guard forms.count <= 2, let header = DKIMCanonicalisation(rawValue: EmailAddress.lowercased(forms[0])),
            let body = DKIMCanonicalisation(rawValue: forms.count == 2 ? EmailAddress.lowercased(forms[1]) : "simple")
        else { throw .canonicalisation }
        (self.header, self.body) = (header, body)
        let domain = EmailAddress.lowercased(tags.text("d") ?? "")
        let selector = EmailAddress.lowercased(tags.text("s") ?? "")
        guard EmailAddress.isDomain(domain.utf8), EmailAddress.isDomain(selector.utf8) else { throw .syntax }
        (self.domain, self.selector) = (domain, selector)
        identity = tags.text("i")
        if let identity {
            // RFC 6376 §6.1.1: the domain of `i=` is that of `d=` or below it.
            guard let at = identity.utf8.lastIndex(of: ASCII.at) else { throw .identity }
            let host = EmailAddress.lowercased(String(decoding: identity.utf8[at...].dropFirst(), as: UTF8.self))
            guard host == domain || host.utf8.suffix(domain.utf8.count + 1).elementsEqual(".\(domain)".utf8) else {
                throw .identity
            }
        }
        if let queries = tags.list("q"), !queries.contains("dns/txt") { throw .method }
        signedNames = tags.list("h") ?? []
        // RFC 6376 §5.4: "The From header field MUST be signed".
        guard signedNames.contains("from") else { throw .fromNotSigned }
        guard signedNames.count <= 1_000, let bodyHash = Base64.decode(tags.compact("bh") ?? []), bodyHash.count == 32,
            let signature = Base64.decode(tags.compact("b") ?? []), !signature.isEmpty, let range = tags.signatureRange
        else { throw .syntax }
        (self.bodyHash, self.signature) = (bodyHash, signature)
        for name in ["l", "t", "x"] where tags[name] != nil && tags.number(name) == nil { throw .syntax }
        bodyLength = tags.number("l").map { Int($0) }
        signedAt = tags.number("t")
        expiresAt = tags.number("x")
        // RFC 6376 §3.5: "The value of the "x=" tag MUST be greater than the value of the "t=" tag if both are present."
        if let signedAt, let expiresAt, expiresAt <= signedAt { throw .syntax }
        unsignedValue = Array(value[..<range.lowerBound] + value[range.upperBound...])
    }
}
