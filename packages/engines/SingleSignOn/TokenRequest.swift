import ByteParsing
import MailModel
import MailPorts
import OpenIDWire

/// Asks a provider's token endpoint (RFC 6749 §4.1.3) and its UserInfo endpoint.
struct TokenRequest {
    struct Tokens {
        var idToken: String
        var accessToken: String?
    }

    let fetcher: any IdentityProviderFetching
    let connection: ProviderConnection
    let secret: String?
    let redirect: String

    func exchange(
        _ code: String,
        verifier: String,
        at metadata: ProviderMetadata
    ) async throws(ProviderFailure) -> Tokens {
        let answer = try await ask(code, verifier, metadata)
        let document = JSONValue(answer.body)
        guard answer.status == 200 else {
            guard let word = document?["error"]?.text else { throw .status("token", answer.status) }
            throw .tokenRefused(Self.printable(word))
        }
        guard let document, let idToken = document["id_token"]?.text else { throw .malformed("token") }
        return Tokens(idToken: idToken, accessToken: document["access_token"]?.text)
    }

    private func ask(
        _ code: String,
        _ verifier: String,
        _ metadata: ProviderMetadata
    ) async throws(ProviderFailure) -> ProviderAnswer {
        var fields: [(name: String, value: String)] = [
            ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect),
            ("code_verifier", verifier),
        ]
        var authorization: String?
        if let secret, metadata.authentication == .basic {
            let pair = "\(QueryText.encoded(connection.clientID)):\(QueryText.encoded(secret))"
            authorization = "Basic " + String(decoding: Base64.encode(pair.utf8), as: UTF8.self)
        } else {
            fields.append(("client_id", connection.clientID))
            if let secret { fields.append(("client_secret", secret)) }
        }
        do throws(ProviderFetchFault) {
            return try await fetcher.post(
                metadata.token,
                form: QueryText.encoded(fields),
                authorization: authorization
            )
        } catch {
            throw .fetch("token", error)
        }
    }

    func userInfo(_ address: WebAddress, accessToken: String) async throws(ProviderFailure) -> JSONValue {
        guard (1...8_192).contains(accessToken.utf8.count), accessToken.utf8.allSatisfy({ (33...126).contains($0) })
        else {
            throw .malformed("token")
        }
        let answer: ProviderAnswer
        do throws(ProviderFetchFault) {
            answer = try await fetcher.get(address, authorization: "Bearer \(accessToken)")
        } catch {
            throw .fetch("userinfo", error)
        }
        guard answer.status == 200 else { throw .status("userinfo", answer.status) }
        guard let document = JSONValue(answer.body) else { throw .malformed("userinfo") }
        return document
    }

    /// A word of the provider's, for logs: letters, digits and `_`, cut.
    static func printable(_ word: String) -> String {
        let bytes = word.utf8.prefix(40).map { byte -> UInt8 in
            (48...57).contains(byte) || (97...122).contains(byte | 32) || byte == 95 ? byte : UInt8(ascii: "-")
        }
        return bytes.isEmpty ? "-" : String(decoding: bytes, as: UTF8.self)
    }
}
