import Accounts
import HTTPKit
import MailModel
import MailPorts

/// What a client reads of a failed request: never the cause.
enum StoreProblem {
    @Sendable static func problem(_ error: any Error) -> Problem? {
        switch error {
        case let error as StoreError: problem(error)
        case let error as AccountError: problem(error)
        default: nil
        }
    }

    private static func problem(_ error: AccountError) -> Problem {
        switch error {
        case .domainNotHosted, .noSuchAccount: .notFound()
        case .addressTaken(let address): Problem(409, detail: "\(address) is taken.")
        case .passwordRefused(let why): .invalid("password", why)
        case .fieldRefused(let field, let why): .invalid(field, why)
        case .fieldTaken(_, let why): Problem(409, detail: why)
        case .busy: .unavailable()
        case .store(let error): problem(error)
        }
    }

    private static func problem(_ error: StoreError) -> Problem {
        switch error {
        case .notFound: .notFound()
        case .alreadyExists: Problem(409, detail: "It exists already.")
        case .refused(let why): Problem(422, detail: why)
        case .overQuota: Problem(507, detail: "The quota has no room.")
        case .unavailable(let id): .unavailable(reportID: id)
        case .damaged(let id): Problem(500, detail: "A record is damaged.", reportID: id)
        }
    }
}

extension BearerGuard where Caller == Account {
    /// Tokens of this platform, of accounts that are active now.
    static func tokens(_ tokens: TokenService, _ clock: any WallClock) -> BearerGuard {
        BearerGuard { token in try await tokens.account(ofAccessToken: token, now: clock.now()) }
    }
}

extension BearerGuard where Caller == SignedIn {
    /// The same, with the session that the token is of.
    static func sessions(_ tokens: TokenService, _ clock: any WallClock) -> BearerGuard {
        BearerGuard { token in try await tokens.session(ofAccessToken: token, now: clock.now()) }
    }
}

extension APIRequest {
    /// What the client says it is, and where it is.
    var origin: SessionOrigin { SessionOrigin(device: header("User-Agent") ?? "", remote: remote) }
}
