import Accounts
import HTTPKit
import MailModel
import MailPorts

/// The second factor that an organisation demands, set up on the way in by who has none yet.
///
/// Invariants: the password was right a short while ago; whoever has a factor already proves it, and enrols none here.
extension PageVisit {
    /// What people read of a passkey that was made here.
    private static let passkeyName = "Passkey"

    /// - Parameter known: a secret that was shown already, and waits for its code.
    func enrolmentPage(
        _ account: Account,
        known: String? = nil,
        fault: String? = nil,
        status: Int = 200
    ) async throws -> APIResponse {
        let now = context.auth.clock.now()
        let challenge = context.auth.factors.challenge(account, now: now)
        var program = [HTMLPage.text("Give this key to an authenticator program, and then the code that it shows.")]
        let secret: String
        if let known {
            secret = known
        } else {
            let made = try await context.auth.factors.begin(account)
            secret = made.secret
            program.append(HTMLPage.link("Open an authenticator program on this device", to: made.uri))
        }
        program += [
            HTMLPage.code(secret),
            form(
                "enrol-code",
                bound: [challenge, secret],
                [
                    HTMLPage.hidden("challenge", challenge), HTMLPage.hidden("secret", secret),
                    HTMLPage.input("code", "Code", autocomplete: "one-time-code"), HTMLPage.button("Go on"),
                ]
            ),
        ]
        let passkey = try await newPasskeyForm(account, challenge, now)
        return page(
            "Set up a second factor",
            [HTMLPage.fault(fault), HTMLPage.text("Your organisation demands a second factor beside the password.")]
                + [passkey ?? ""] + program,
            status: status,
            asksPasskey: passkey != nil
        )
    }

    private func newPasskeyForm(_ account: Account, _ challenge: String, _ now: Timestamp) async throws -> String? {
        guard context.asksPasskeys else { return nil }
        let options = PasskeyOptions(try await context.auth.passkeys.creation(account, now: now))
        return form(
            "enrol-passkey",
            bound: [options.challenge, challenge],
            [HTMLPage.hidden("asked", options.challenge), HTMLPage.hidden("challenge", challenge)]
                + PasskeyScript.parts("Make a passkey", .create, options: try Self.text(options))
        )
    }

    /// Whom the form was shown to, as long as they have no factor.
    private func enrolling(_ challenge: String, _ now: Timestamp) async throws -> Account? {
        guard let account = try await context.auth.factors.account(ofChallenge: challenge, now: now),
            try await context.auth.factors.store.factorStanding(of: account.id).kinds.isEmpty
        else { return nil }
        return account
    }

    // MARK: - Answers

    func enrolCode(_ fields: FormFields, _ request: APIRequest) async throws -> Step {
        let (challenge, secret) = (fields["challenge"] ?? "", fields["secret"] ?? "")
        guard isOurs(fields, "enrol-code", bound: [challenge, secret]) else { return .page(stale) }
        let now = context.auth.clock.now()
        guard let account = try await enrolling(challenge, now) else { return .page(try await tooLate) }
        let codes: [String]
        do throws(AccountError) {
            codes = try await context.auth.factors.confirm(
                account,
                code: fields["code"] ?? "",
                remote: remote,
                now: now
            )
        } catch {
            guard case .store(.refused) = error else {
                guard error == .store(.notFound) else { throw error }
                return .page(try await tooLate)
            }
            let fault = "The code is wrong, or there were too many."
            return .page(try await enrolmentPage(account, known: secret, fault: fault, status: 401))
        }
        return .page(try await enrolled(account, ["pwd", "otp", "mfa"], codes, request))
    }

    func enrolPasskey(_ fields: FormFields, _ request: APIRequest) async throws -> Step {
        let challenge = fields["challenge"] ?? ""
        guard isOurs(fields, "enrol-passkey", bound: [fields["asked"] ?? "", challenge]) else { return .page(stale) }
        let now = context.auth.clock.now()
        guard let account = try await enrolling(challenge, now) else { return .page(try await tooLate) }
        guard let id = Self.octets(fields, "credential"), let client = clientData(fields),
            let attestation = Self.octets(fields, "attestation")
        else {
            return .page(try await enrolmentPage(account, fault: "The passkey was not accepted.", status: 401))
        }
        let words = (fields["transports"] ?? "").utf8.split(separator: 32).map { String(decoding: $0, as: UTF8.self) }
        let codes: [String]
        do throws(AccountError) {
            codes = try await context.auth.passkeys.register(
                PasskeyRegistration(id: id, clientData: client, attestation: attestation, transports: words),
                name: Self.passkeyName,
                for: account,
                remote: remote,
                now: now
            ).recoveryCodes
        } catch {
            guard case .fieldRefused = error else { throw error }
            return .page(try await enrolmentPage(account, fault: "The passkey was not accepted.", status: 401))
        }
        return .page(try await enrolled(account, ["pwd"] + Self.passkeyMethods, codes, request))
    }

    /// Shows the recovery codes, this once, to who is signed in now.
    private func enrolled(
        _ account: Account,
        _ methods: [String],
        _ codes: [String],
        _ request: APIRequest
    ) async throws -> APIResponse {
        let visit = try await signedIn(account, methods, request)
        guard let session = visit.session else { return stale }
        let note = PageNote.signedIn(family: session.grant.family)
        let cookie = note.cookie(for: action, context, now: context.auth.clock.now())
        return visit.keeping(cookie).page(
            "Keep these codes",
            [
                HTMLPage.text("Each signs you in once, should you lose your second factor. They are shown this once."),
                HTMLPage.list(codes),
                HTMLPage.link("Go on", to: action),
            ]
        )
    }
}
