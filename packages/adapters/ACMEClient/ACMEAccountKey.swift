package import MailCrypto

/// The key by which the authority knows the account; signs requests (RFC 8555 §6.2, RFC 7515 §7.2.2).
package struct ACMEAccountKey: Sendable, CustomStringConvertible {
    private let key: ECKey

    package init() throws(CryptoError) { key = try .generate() }

    /// PKCS #8 in DER.
    package init(privateDER: [UInt8]) throws(CryptoError) { key = try ECKey(privateDER: privateDER) }

    package func privateDER() throws(CryptoError) -> [UInt8] { try key.privateDER() }

    /// Members in the order that RFC 7638 §3 wants.
    private var jwk: String {
        #"{"crv":"P-256","kty":"EC","x":"\#(Base64URL.encode(key.x))","y":"\#(Base64URL.encode(key.y))"}"#
    }

    /// RFC 7638, SHA-256.
    var thumbprint: String { Base64URL.encode(SHA256.hash(Array(jwk.utf8))) }

    /// The key authorization, which every kind of challenge is answered with (RFC 8555 §8.1).
    package func answer(to token: String) -> String { "\(token).\(thumbprint)" }

    /// - Parameter account: its address; nil for the request that makes it, which carries the key.
    func sign(_ payload: [UInt8], url: String, nonce: String, account: String?) throws(CryptoError) -> [UInt8] {
        let who = account.map { #""kid":"\#($0)""# } ?? #""jwk":\#(jwk)"#
        let header = Base64URL.encode(Array(#"{"alg":"ES256",\#(who),"nonce":"\#(nonce)","url":"\#(url)"}"#.utf8))
        let body = Base64URL.encode(payload)
        let signature = Base64URL.encode(try key.sign(Array("\(header).\(body)".utf8)))
        return Array(#"{"protected":"\#(header)","payload":"\#(body)","signature":"\#(signature)"}"#.utf8)
    }

    package var description: String { "ACMEAccountKey(redacted)" }
}
