import Accounts
import Addresses
import Domains
import MailPorts
import PlatformConfig

/// Why a command failed: one line on standard error and an exit code that scripts can use.
package struct CommandFailure: Error, Equatable {
    package enum Code: Int32, Sendable {
        case failure = 1
        case badSetting = 2
        case notFound = 3
        case alreadyExists = 4
        case unavailable = 5
    }

    package static let codesHelp = """
        EXIT CODES
          0  done
          1  failed; the message says why
          2  a setting is not acceptable
          3  what was named does not exist
          4  it exists already
          5  the store is not available; trying again may help
          64 the command line is not understood
        """

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        // One line, whatever a name or a reply contains.
        self.message = String(decoding: message.utf8.map { $0 < 32 && $0 != 10 || $0 == 127 ? 63 : $0 }, as: UTF8.self)
    }

    init(_ error: StoreError, subject: String) {
        let code: Code =
            switch error {
            case .notFound: .notFound
            case .alreadyExists: .alreadyExists
            case .unavailable: .unavailable
            case .refused, .overQuota, .levelFull, .damaged: .failure
            }
        self.init(code, "\(subject): \(AccountError.text(error))")
    }

    init(_ error: AccountError, subject: String) {
        switch error {
        case .domainNotHosted, .noSuchAccount: self.init(.notFound, error.description)
        case .addressTaken, .fieldTaken: self.init(.alreadyExists, error.description)
        case .passwordRefused, .fieldRefused, .notAllowed: self.init(.failure, error.description)
        case .busy, .tooMany: self.init(.unavailable, error.description)
        case .store(let cause): self.init(cause, subject: subject)
        }
    }

    init(_ fault: DomainFault, subject: String) {
        switch fault {
        case .notFound: self.init(.notFound, "\(subject): \(fault.text)")
        case .conflict: self.init(.alreadyExists, "\(subject): \(fault.text)")
        case .ambiguous, .challengeMissing, .challengeExpired, .keyNotSeen:
            self.init(.failure, "\(subject): \(fault.text)")
        case .dnsUnavailable: self.init(.unavailable, "\(subject): \(fault.text)")
        case .store(let error): self.init(error, subject: subject)
        }
    }

    init(_ error: AddressError, subject: String) {
        switch error {
        case .notFound: self.init(.notFound, "\(subject): \(error.text)")
        case .taken: self.init(.alreadyExists, "\(subject): \(error.text)")
        case .refused, .conflict: self.init(.failure, "\(subject): \(error.text)")
        case .store(let cause): self.init(cause, subject: subject)
        }
    }

    init(_ fault: BulkFault, subject: String) {
        switch fault {
        case .unreadable, .tooLarge, .exportedOnly: self.init(.failure, "\(subject): \(fault.text)")
        case .tooMany: self.init(.unavailable, "\(subject): \(fault.text)")
        case .store(let error): self.init(error, subject: subject)
        }
    }

    init(_ fault: WebhookFault, subject: String) {
        switch fault {
        case .notFound: self.init(.notFound, "\(subject): \(fault.text)")
        case .conflict, .addressRefused: self.init(.failure, "\(subject): \(fault.text)")
        case .tooMany: self.init(.unavailable, "\(subject): \(fault.text)")
        case .store(let error): self.init(error, subject: subject)
        }
    }

    /// - Parameter absent: what is said where there is no connection.
    init(_ fault: ConnectionFault, subject: String, absent: String) {
        switch fault {
        case .objection(let objection): self.init(.failure, "\(objection.field): \(objection.why)")
        case .notFound: self.init(.notFound, absent)
        case .conflict: self.init(.failure, "it was changed at the same time")
        case .tooMany: self.init(.unavailable, "too many checks; try again in a minute")
        case .forbidden(let why): self.init(.failure, why)
        case .store(let error): self.init(error, subject: subject)
        }
    }

    /// Any error as a failure; nil for those that the argument parser prints itself.
    init?(_ error: any Error, subject: String) {
        switch error {
        case let failure as CommandFailure: self = failure
        case let error as ConfigurationError: self.init(.badSetting, error.description)
        case let error as StoreError: self.init(error, subject: subject)
        case let error as AccountError: self.init(error, subject: subject)
        case let fault as DomainFault: self.init(fault, subject: subject)
        case let error as AddressError: self.init(error, subject: subject)
        case let fault as WebhookFault: self.init(fault, subject: subject)
        case let fault as BulkFault: self.init(fault, subject: subject)
        default: return nil
        }
    }
}
