import Accounts
import FoundationEssentials
import HTTPKit
import MailCrypto
import MailModel
import MailPorts
import Telemetry
import WebAuthn

/// A `PublicKeyCredential` as browsers write it (WebAuthn Level 3 §5.1.8, RegistrationResponseJSON and
/// AuthenticationResponseJSON); what is not needed is passed over.
struct PasskeyCredential: Decodable {
    struct Response: Decodable {
        var clientDataJSON: String
        var attestationObject: String?
        var transports: [String]?
        var authenticatorData: String?
        var signature: String?
        var userHandle: String?
    }

    var id: String
    var type: String
    var response: Response

    func registration() throws(Problem) -> PasskeyRegistration {
        PasskeyRegistration(
            id: try octets(id),
            clientData: try octets(response.clientDataJSON),
            attestation: try octets(response.attestationObject),
            transports: response.transports ?? []
        )
    }

    func assertion() throws(Problem) -> PasskeyAssertion {
        PasskeyAssertion(
            id: try octets(id),
            clientData: try octets(response.clientDataJSON),
            authenticatorData: try octets(response.authenticatorData),
            signature: try octets(response.signature),
            userHandle: response.userHandle == nil ? nil : try octets(response.userHandle)
        )
    }

    private func octets(_ text: String?) throws(Problem) -> [UInt8] {
        guard type.utf8.elementsEqual("public-key".utf8), let text, let octets = Base64URL.decode(text.utf8) else {
            throw Problem.invalid("credential", "This is no public-key credential as browsers write it.")
        }
        return octets
    }
}

/// Options in the names of WebAuthn (§5.1.9, §5.1.10): what `parseCreationOptionsFromJSON` and `parseRequestOptionsFromJSON`
/// take.
struct PasskeyOptions: Encodable {
    struct Party: Encodable {
        var id: String
        var name: String
    }
    struct User: Encodable {
        var id: String
        var name: String
        var displayName: String
    }
    struct Parameter: Encodable {
        var type = "public-key"
        var alg: Int64
    }
    struct Descriptor: Encodable {
        var type = "public-key"
        var id: String
        var transports: [String]?

        init(_ id: [UInt8], _ transports: [String]) {
            self.id = Base64URL.encode(id)
            self.transports = transports.isEmpty ? nil : transports
        }
    }
    struct Selection: Encodable {
        var residentKey = "preferred"
        var requireResidentKey = false
        var userVerification = "preferred"
    }

    var challenge: String
    /// Milliseconds.
    var timeout: Int64
    var rp: Party?
    var user: User?
    var pubKeyCredParams: [Parameter]?
    var excludeCredentials: [Descriptor]?
    var authenticatorSelection: Selection?
    var attestation: String?
    var rpId: String?
    var allowCredentials: [Descriptor]?
    var userVerification: String?

    init(_ creation: PasskeyCreation) {
        challenge = Base64URL.encode(creation.challenge)
        timeout = creation.timeoutSeconds * 1_000
        rp = Party(id: creation.relyingParty, name: creation.relyingPartyName)
        user = User(
            id: Base64URL.encode(creation.userHandle),
            name: creation.userName,
            displayName: creation.displayName
        )
        pubKeyCredParams = creation.algorithms.map { Parameter(alg: $0.rawValue) }
        excludeCredentials = creation.excluded.map { Descriptor($0.credential, $0.transports) }
        authenticatorSelection = Selection()
        if creation.needsVerification { authenticatorSelection?.userVerification = "required" }
        attestation = "none"
    }

    init(_ request: PasskeyRequest) {
        challenge = Base64URL.encode(request.challenge)
        timeout = request.timeoutSeconds * 1_000
        rpId = request.relyingParty
        allowCredentials = request.allowed.map { Descriptor($0.id, $0.transports) }
        userVerification = request.needsVerification ? "required" : "preferred"
    }
}

extension APIResponse {
    /// As JSON with the names that the value gives: those of WebAuthn are not ours to change.
    static func plain(_ value: some Encodable, status: Int = 200) throws -> APIResponse {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return APIResponse(
            status: status,
            contentType: "application/json",
            body: Array(try encoder.encode(value)),
            headers: ["Cache-Control": "no-store"]
        )
    }
}

/// Options alone.
struct PasskeyOptionsDocument: Encodable {
    var options: PasskeyOptions
    private enum CodingKeys: String, CodingKey { case options = "public_key" }
}

/// A passkey as its owner sees it.
struct PasskeyView: Encodable {
    var id: Int64
    var name: String
    /// AAGUID, as 32 hexadecimal digits; absent when the authenticator does not tell.
    var model: String?
    var transports: [String]
    var isBackedUp: Bool
    /// It has shown that it may sign in alone.
    var verifiesUser: Bool
    var createdAt: String
    var lastUsedAt: String?
    var lastUsedFrom: String?
    /// Only in the answer that made it, when the account had none.
    var recoveryCodes: [String]?

    init(_ passkey: Passkey, recoveryCodes: [String] = []) {
        id = passkey.id.rawValue
        name = passkey.name
        let digits = Array("0123456789abcdef".utf8)
        model =
            passkey.model.allSatisfy { $0 == 0 }
            ? nil
            : String(
                decoding: passkey.model.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
                as: UTF8.self
            )
        transports = passkey.transports
        isBackedUp = passkey.isBackedUp
        verifiesUser = passkey.verifiesUser
        createdAt = RFC3339.text(passkey.createdAt)
        lastUsedAt = passkey.lastUse.map { RFC3339.text($0.at) }
        lastUsedFrom = passkey.lastUse?.remote?.description
        self.recoveryCodes = recoveryCodes.isEmpty ? nil : recoveryCodes
    }
}
