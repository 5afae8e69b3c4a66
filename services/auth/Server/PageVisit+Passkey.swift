import Accounts
import FoundationEssentials
import HTTPKit
import MailCrypto
import MailModel
import MailPorts
import WebAuthn

/// Passkeys, alone and as the second step.
///
/// Invariants: an answer is taken for the challenge that this very form was shown with, in the browser that it was shown to; what a challenge
/// is good for, and that it is answered once, is for `PasskeyService`.
extension PageVisit {
    /// What programs are told of a passkey that has verified its user: a key that was shown to be there, a person, and by that two
    /// factors (RFC 8176 §2); whether it lies in hardware nobody vouches for.
    static let passkeyMethods = ["pop", "user", "mfa"]

    private func form(
        _ step: String,
        bound: [String],
        _ hidden: [(name: String, value: String)],
        _ label: String,
        _ request: PasskeyRequest
    ) throws -> String {
        let options = PasskeyOptions(request)
        return form(
            step,
            bound: [options.challenge] + bound,
            [HTMLPage.hidden("asked", options.challenge)] + hidden.map { HTMLPage.hidden($0.name, $0.value) }
                + PasskeyScript.parts(label, .get, options: try Self.text(options))
        )
    }

    static func text(_ options: PasskeyOptions) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return String(decoding: try encoder.encode(options), as: UTF8.self)
    }

    /// nil where browsers would not let the page ask.
    func passkeyForm() async throws -> String? {
        guard context.asksPasskeys else { return nil }
        let asked = try await context.auth.passkeys.signInRequest(nil, now: context.auth.clock.now())
        return try form("passkey", bound: [], [], "Sign in with a passkey", asked)
    }

    /// nil also when the account has none.
    func secondPasskeyForm(_ account: Account, _ challenge: String, _ now: Timestamp) async throws -> String? {
        guard context.asksPasskeys,
            let asked = try await context.auth.passkeys.secondFactorRequest(account, now: now)
        else { return nil }
        return try form("second-passkey", bound: [challenge], [("challenge", challenge)], "Use a passkey", asked)
    }

    // MARK: - Answers

    func signInByPasskey(_ fields: FormFields, _ request: APIRequest) async throws -> Step {
        guard isOurs(fields, "passkey", bound: [fields["asked"] ?? ""]) else { return .page(stale) }
        guard let assertion = assertion(fields),
            case .passed(let account) = try await context.auth.passkeys.signIn(
                assertion,
                address: nil,
                remote: remote,
                now: context.auth.clock.now()
            )
        else {
            return .page(try await signInPage(fault: "The passkey was not accepted. Try again.", status: 401))
        }
        guard try await context.auth.authenticator.provider(demandedOf: account) == nil else {
            return .page(try await askProvider(of: account.primaryAddress.canonical))
        }
        return .went(try await signedIn(account, Self.passkeyMethods, request))
    }

    func secondFactorByPasskey(_ fields: FormFields, _ request: APIRequest) async throws -> Step {
        let challenge = fields["challenge"] ?? ""
        guard isOurs(fields, "second-passkey", bound: [fields["asked"] ?? "", challenge]) else { return .page(stale) }
        let now = context.auth.clock.now()
        guard let account = try await context.auth.factors.account(ofChallenge: challenge, now: now) else {
            return .page(try await tooLate)
        }
        guard let assertion = assertion(fields),
            case .passed(let account) = try await context.auth.passkeys.completeSecondFactor(
                assertion,
                of: account,
                remote: remote,
                now: now
            )
        else {
            return .page(try await codePage(account, fault: "The passkey was not accepted. Try again.", status: 401))
        }
        return .went(try await signedIn(account, ["pwd"] + Self.passkeyMethods, request))
    }

    /// nil for what is none, or answers another challenge than the form's.
    private func assertion(_ fields: FormFields) -> PasskeyAssertion? {
        guard let id = Self.octets(fields, "credential"), let client = clientData(fields),
            let data = Self.octets(fields, "authenticator"), let signature = Self.octets(fields, "signature")
        else { return nil }
        return PasskeyAssertion(
            id: id,
            clientData: client,
            authenticatorData: data,
            signature: signature,
            userHandle: Self.octets(fields, "handle")
        )
    }

    /// What the browser says of the request, when it is the form's.
    func clientData(_ fields: FormFields) -> [UInt8]? {
        guard let octets = Self.octets(fields, "client"), let asked = Self.octets(fields, "asked"),
            let client = try? ClientData(octets), constantTimeEqual(client.challenge, asked)
        else { return nil }
        return octets
    }

    static func octets(_ fields: FormFields, _ name: String) -> [UInt8]? {
        fields[name].flatMap { Base64URL.decode($0.utf8) }
    }
}
