package import MailModel
package import MailPorts

/// Why an account could not be made or changed.
///
/// Every text may be shown to the one who asked.
package enum AccountError: Error, Equatable, Sendable, CustomStringConvertible {
    case domainNotHosted(String)
    case noSuchAccount(EmailAddress)
    case addressTaken(EmailAddress)
    case passwordRefused(String)
    /// What was given as `name` cannot be so.
    case fieldRefused(_ name: String, String)
    /// What was given as `name` is in use.
    case fieldTaken(_ name: String, String)
    /// The role of who asks does not allow it.
    case notAllowed(String)
    /// Too many requests of this kind; nothing was done.
    case tooMany(retryAfterSeconds: Int)
    /// Too many passwords are being hashed (transient).
    case busy
    case store(StoreError)

    package var description: String {
        switch self {
        case .domainNotHosted(let domain): "\(domain) is not a domain of this platform"
        case .noSuchAccount(let address): "there is no account \(address)"
        case .addressTaken(let address): "\(address) is taken"
        case .passwordRefused(let why): why
        case .fieldRefused(_, let why), .fieldTaken(_, let why): why
        case .notAllowed(let why): why
        case .tooMany(let seconds): "too many requests; try again in \(seconds) seconds"
        case .busy: "too many passwords are being set; try again"
        case .store(let error): Self.text(error)
        }
    }

    /// Work of the store, with its errors as they are.
    static func stored<Value>(
        _ work: () async throws(StoreError) -> Value
    ) async throws(AccountError) -> Value {
        do throws(StoreError) {
            return try await work()
        } catch {
            throw .store(error)
        }
    }

    package static func text(_ error: StoreError) -> String {
        switch error {
        case .notFound: "it does not exist"
        case .alreadyExists: "it exists already"
        case .refused(let why): why
        case .overQuota: "the quota has no room"
        case .levelFull(let level): "the quota of the \(level.rawValue) has no room"
        case .unavailable(let id): "the store is not available; the log has the cause under \(id)"
        case .damaged(let id): "a record is damaged; the log has the details under \(id)"
        }
    }
}
