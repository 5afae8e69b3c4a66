import MailCrypto
package import MailPorts

/// What the owner of a claimed domain publishes to prove it: one TXT record, or one CNAME record where that is easier.
package struct DomainChallenge: Hashable, Sendable {
    /// `_oonrumail-challenge.shop.test`; the TXT record may stand at the domain itself, too.
    package var name: String
    /// The text of the TXT record.
    package var text: String
    /// Where a CNAME record at `name` points instead, without the final dot.
    package var alias: String

    package init(_ claim: DomainClaim, host: String) {
        name = "_oonrumail-challenge.\(claim.name)"
        text = "oonrumail-verification=\(claim.token)"
        alias = "\(claim.token).verify.\(host)"
    }

    /// 160 bits as 32 letters and digits, which fit into one label of a name.
    static func makeToken() -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
        return String(decoding: SecureRandom.bytes(32).map { alphabet[Int($0 & 31)] }, as: UTF8.self)
    }
}
