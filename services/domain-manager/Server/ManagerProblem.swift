import Accounts
import Addresses
import Domains
import HTTPKit
import MailModel
import MailPorts

/// What a client reads of a failed request: never the cause.
enum ManagerProblem {
    @Sendable static func problem(_ error: any Error) -> Problem? {
        switch error {
        case let error as StoreError: problem(error)
        case let error as AccountError: problem(error)
        case let fault as DomainFault: problem(fault)
        case let error as AddressError: problem(error)
        case let fault as BulkFault: problem(fault)
        default: nil
        }
    }

    /// - Parameter absent: what the client reads where there is no connection.
    static func problem(_ fault: ConnectionFault, absent: String) -> Problem {
        switch fault {
        case .objection(let objection): .invalid(objection.field, objection.why)
        case .notFound: .notFound(absent)
        case .conflict: Problem(.preconditionFailed, detail: "Another version is in force by now.")
        case .tooMany: Problem(429, detail: "Too many checks.", headers: ["Retry-After": "60"])
        case .forbidden(let why): .forbidden(why)
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

    private static func problem(_ fault: DomainFault) -> Problem {
        switch fault {
        case .notFound: .notFound("There is no such domain.")
        case .ambiguous: Problem(409, detail: "Several organisations claim this domain: name one by organisation_id.")
        case .conflict, .challengeExpired: Problem(409, detail: sentence(fault.text))
        case .challengeMissing, .keyNotSeen: Problem(422, detail: sentence(fault.text))
        case .dnsUnavailable: Problem(503, detail: sentence(fault.text), headers: ["Retry-After": "30"])
        case .store(let error): problem(error)
        }
    }

    private static func problem(_ error: AddressError) -> Problem {
        switch error {
        case .refused(let field, let why): .invalid(field, sentence(why))
        case .notFound: .notFound()
        case .taken, .conflict: Problem(409, detail: sentence(error.text))
        case .store(let cause): problem(cause)
        }
    }

    private static func problem(_ fault: BulkFault) -> Problem {
        switch fault {
        case .unreadable, .exportedOnly: Problem(422, detail: sentence(fault.text))
        case .tooLarge: Problem(413, detail: sentence(fault.text))
        case .tooMany(let seconds):
            Problem(429, detail: sentence(fault.text), headers: ["Retry-After": "\(seconds)"])
        case .store(let error): problem(error)
        }
    }

    static func sentence(_ text: String) -> String {
        text.prefix(1).uppercased() + text.dropFirst() + (text.utf8.last == 46 ? "" : ".")
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
}
