import Accounts
import HTTPKit
import MailModel
import MailPorts

/// What a client reads of a failed store: never the cause.
enum StoreProblem {
    @Sendable static func problem(_ error: any Error) -> Problem? {
        guard let error = error as? StoreError else { return nil }
        return switch error {
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
