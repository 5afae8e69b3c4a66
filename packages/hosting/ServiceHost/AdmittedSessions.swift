package import Accounts
package import HTTPKit
package import MailModel
package import MailPorts

extension TokenService {
    /// Whom a token speaks for at an HTTP route; nil when it is not valid.
    ///
    /// A session whose account must enrol a second factor first is refused, unless the route is of those that it does that by. One
    /// in which somebody acts as the account is for the guard of the route to refuse.
    package func admitted(
        _ token: String,
        _ clock: any WallClock,
        toEnrol isForEnrolment: Bool = false
    ) async throws -> SignedIn? {
        guard let bearer = try await bearer(ofAccessToken: token, now: clock.now()) else { return nil }
        guard isForEnrolment || !bearer.isLimited else { throw Problem.secondFactorNeeded }
        return bearer
    }
}

extension BearerGuard where Caller == Account {
    /// Tokens of this platform, of accounts that are active now.
    package static func tokens(
        _ tokens: TokenService,
        _ clock: any WallClock,
        toEnrol isForEnrolment: Bool = false
    ) -> BearerGuard<Account> {
        BearerGuard(admitting: { token in
            try await tokens.admitted(token, clock, toEnrol: isForEnrolment).map { signedIn in
                Admission(caller: signedIn.account, acting: signedIn.acting(tokens, clock))
            }
        })
    }
}

extension BearerGuard where Caller == SignedIn {
    /// The same, with the session that the token is of.
    package static func sessions(_ tokens: TokenService, _ clock: any WallClock) -> BearerGuard {
        BearerGuard(admitting: { token in
            try await tokens.admitted(token, clock).map { Admission(caller: $0, acting: $0.acting(tokens, clock)) }
        })
    }
}

extension SignedIn {
    fileprivate func acting(_ tokens: TokenService, _ clock: any WallClock) -> ActingCaller? {
        guard let actor else { return nil }
        let party = ActingParty(actor: actor.primaryAddress.canonical, account: account.primaryAddress.canonical)
        return ActingCaller(party) { request in
            do throws(StoreError) {
                try await tokens.note(
                    request.method,
                    request.route,
                    status: request.status,
                    in: self,
                    by: actor,
                    remote: request.remote,
                    now: clock.now()
                )
            } catch {
                // What cannot be written down is not shown.
                throw Problem.unavailable()
            }
        }
    }
}

extension Problem {
    package static var secondFactorNeeded: Problem {
        Problem(
            .secondFactorNeeded,
            detail:
                "The organisation demands a second factor: enrol one by /api/users/me/second-factor or /api/users/me/passkeys."
        )
    }
}
