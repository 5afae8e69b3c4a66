import Accounts
import MailCrypto

/// An authenticator with one Ed25519 key that lets itself be told what to do wrong.
struct SoftAuthenticator {
    var origin = "https://mail.example.test"
    var relyingParty = "mail.example.test"
    var flags: UInt8 = 0x05
    var count: UInt32 = 0
    var id: [UInt8] = Array(1...32)
    var key = Ed25519PrivateKey()

    private func client(_ type: String, _ challenge: [UInt8]) -> [UInt8] {
        Array(
            #"{"type":"\#(type)","challenge":"\#(Base64URL.encode(challenge))","origin":"\#(origin)","crossOrigin":false}"#
                .utf8
        )
    }

    private func data(_ flags: UInt8) -> [UInt8] {
        SHA256.hash(Array(relyingParty.utf8)) + [flags]
            + (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) }
    }

    func register(_ creation: PasskeyCreation, format: String = "none") -> PasskeyRegistration {
        let client = client("webauthn.create", creation.challenge)
        let cose: [UInt8] = [0xA4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 32] + key.publicKey
        var data = data(flags | 0x40)
        data += [UInt8](repeating: 7, count: 16)
        data += [0, UInt8(id.count)]
        data += id + cose
        var statement: [UInt8] = [0xA0]
        if format == "packed" {
            statement = [0xA2, 0x63] + Array("alg".utf8)
            statement += [0x27, 0x63] + Array("sig".utf8)
            statement += [0x58, 64]
            statement += key.sign(data + SHA256.hash(client))
        }
        var object: [UInt8] = [0xA3, 0x63] + Array("fmt".utf8)
        object += [0x60 | UInt8(format.utf8.count)] + Array(format.utf8)
        object += [0x67] + Array("attStmt".utf8)
        object += statement
        object += [0x68] + Array("authData".utf8)
        object += [0x58, UInt8(data.count)]
        object += data
        return PasskeyRegistration(
            id: id,
            clientData: client,
            attestation: object,
            transports: ["internal", "bad word"]
        )
    }

    func sign(_ request: PasskeyRequest, as handle: [UInt8]?) -> PasskeyAssertion {
        let (client, data) = (client("webauthn.get", request.challenge), data(flags))
        return PasskeyAssertion(
            id: id,
            clientData: client,
            authenticatorData: data,
            signature: key.sign(data + SHA256.hash(client)),
            userHandle: handle
        )
    }
}
