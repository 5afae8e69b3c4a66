import Accounts
import HTTPKit
import MailModel
import MailPorts

/// Address and password, and the code of an authenticator program.
extension PageVisit {
    /// - Parameter given: the address that the person typed; nil: whom the program expects.
    func signInPage(_ given: String? = nil, fault said: String? = nil, status: Int? = nil) async throws -> APIResponse {
        let address = given ?? hint ?? ""
        let provider = try await context.connection(of: address).map { connection in
            form(
                "provider",
                [
                    HTMLPage.hidden("email", address),
                    HTMLPage.button("Sign in with \(OpenIDContext.name(of: connection))"),
                ]
            )
        }
        let parts = [
            HTMLPage.fault(said ?? fault?.sentence),
            provider ?? "",
            form(
                "sign-in",
                [
                    HTMLPage.input("email", "Address", type: "email", value: address, autocomplete: "username"),
                    HTMLPage.input("password", "Password", type: "password", autocomplete: "current-password"),
                    HTMLPage.button("Sign in"),
                    HTMLPage.button(
                        "My organisation signs me in",
                        name: "way",
                        value: "provider",
                        isPlain: true,
                        checks: false
                    ),
                ]
            ),
        ]
        return page(
            "Sign in",
            parts + [try await passkeyForm() ?? ""],
            status: status ?? fault?.status ?? 200,
            asksPasskey: context.asksPasskeys
        )
    }

    func signIn(_ fields: FormFields, _ request: APIRequest) async throws -> Step {
        let email = fields["email"] ?? ""
        guard fields["way"] != "provider" else { return .page(try await askProvider(of: email)) }
        let outcome = await context.auth.authenticator.authenticate(
            user: email,
            password: fields["password"] ?? "",
            remote: remote,
            service: "http",
            now: context.auth.clock.now()
        )
        switch outcome {
        case .success(let signIn): return .went(try await signedIn(signIn.account, ["pwd"], request))
        case .secondFactorNeeded(let account): return .page(try await codePage(account))
        case .enrolmentNeeded(let signIn): return .page(try await enrolmentPage(signIn.account))
        case .invalid, .appPasswordNeeded:
            return .page(try await signInPage(email, fault: "The address or the password is wrong.", status: 401))
        case .lockedOut:
            return .page(try await signInPage(email, fault: "Too many failed attempts. Try again later.", status: 429))
        case .providerNeeded: return .page(try await askProvider(of: email))
        case .unavailable:
            return .page(try await signInPage(email, fault: "This cannot be checked now. Try again.", status: 503))
        }
    }

    // MARK: - Second factor

    func codePage(_ account: Account, fault: String? = nil, status: Int = 200) async throws -> APIResponse {
        let now = context.auth.clock.now()
        let challenge = context.auth.factors.challenge(account, now: now)
        let kinds = try await context.auth.factors.store.secondFactorKinds(of: account.id)
        let passkey = try await secondPasskeyForm(account, challenge, now)
        let ask =
            kinds.contains(.totp)
            ? "Give the code of your authenticator program, or a recovery code."
            : passkey == nil
                ? "Give a recovery code: passkeys cannot be asked for at this address."
                : "Use your passkey, or give a recovery code."
        let parts = [
            HTMLPage.fault(fault),
            HTMLPage.text(ask),
            passkey ?? "",
            form(
                "code",
                [
                    HTMLPage.hidden("challenge", challenge),
                    HTMLPage.input("code", "Code", autocomplete: "one-time-code"), HTMLPage.button("Go on"),
                ]
            ),
        ]
        return page("Second step", parts, status: status, asksPasskey: passkey != nil)
    }

    func secondFactor(_ fields: FormFields, _ request: APIRequest) async throws -> Step {
        let now = context.auth.clock.now()
        let challenge = fields["challenge"] ?? ""
        let outcome = try await context.auth.factors.complete(
            challenge: challenge,
            code: fields["code"] ?? "",
            remote: remote,
            now: now
        )
        switch outcome {
        case .passed(let account): return .went(try await signedIn(account, ["pwd", "otp", "mfa"], request))
        case .wrongCode:
            guard let account = try await context.auth.factors.account(ofChallenge: challenge, now: now) else {
                return .page(try await tooLate)
            }
            return .page(try await codePage(account, fault: "The code is wrong.", status: 401))
        case .lockedOut:
            return .page(try await signInPage(fault: "Too many wrong codes. Try again later.", status: 429))
        case .noChallenge: return .page(try await tooLate)
        }
    }

    var tooLate: APIResponse {
        get async throws { try await signInPage(fault: "That took too long. Sign in again.", status: 200) }
    }
}
