import Accounts
import Addresses
import Domains
import HTTPKit
import MailModel
import MailPorts

/// What a client reads of a failed request: never the cause.
enum StoreProblem {
    @Sendable static func problem(_ error: any Error) -> Problem? {
        switch error {
        case let error as StoreError: problem(error)
        case let error as AccountError: problem(error)
        case let error as AddressError: problem(error)
        case let fault as WebhookFault: problem(fault)
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
        case .notAllowed(let why): .forbidden(why)
        case .tooMany(let seconds):
            Problem(429, detail: "Too many requests of this kind.", headers: ["Retry-After": "\(seconds)"])
        case .busy: .unavailable()
        case .store(let error): problem(error)
        }
    }

    private static func problem(_ error: AddressError) -> Problem {
        switch error {
        case .refused(let field, let why): .invalid(field, why)
        case .notFound: .notFound()
        case .taken, .conflict: Problem(409, detail: error.text)
        case .store(let cause): problem(cause)
        }
    }

    private static func problem(_ fault: WebhookFault) -> Problem {
        switch fault {
        case .notFound: .notFound("The organisation has no webhook.")
        case .conflict: Problem(.preconditionFailed, detail: "The webhook has changed meanwhile.")
        case .addressRefused(let why): .invalid("url", why)
        case .tooMany(let seconds): Problem(429, detail: "Too many tests.", headers: ["Retry-After": "\(seconds)"])
        case .store(let error): problem(error)
        }
    }

    private static func problem(_ error: StoreError) -> Problem {
        switch error {
        case .notFound: .notFound()
        case .alreadyExists: Problem(409, detail: "It exists already.")
        case .refused(let why): Problem(422, detail: why)
        case .overQuota, .levelFull: Problem(507, detail: "The quota has no room.")
        case .unavailable(let id): .unavailable(reportID: id)
        case .damaged(let id): Problem(500, detail: "A record is damaged.", reportID: id)
        }
    }
}

extension APIRequest {
    /// What the client says it is, and where it is.
    var origin: SessionOrigin { SessionOrigin(device: header("User-Agent") ?? "", remote: remote) }
}
