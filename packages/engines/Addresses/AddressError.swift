package import MailPorts

/// Why an address could not be made or changed.
///
/// Every text may be shown to the one who asked.
package enum AddressError: Error, Equatable, Sendable {
    /// What was given as `name` cannot be so.
    case refused(_ name: String, String)
    case notFound
    case taken(String)
    /// It does not fit what is there, as the text says.
    case conflict(String)
    case store(StoreError)

    /// - Parameter subject: what would be new, for an answer that it is taken.
    init(_ error: StoreError, _ subject: @autoclosure () -> String) {
        self =
            switch error {
            case .notFound: .notFound
            case .alreadyExists: .taken(subject())
            case .refused(let why): .conflict(why)
            case .overQuota, .levelFull, .unavailable, .damaged: .store(error)
            }
    }

    package var text: String {
        switch self {
        case .refused(_, let why), .conflict(let why): why
        case .notFound: "it does not exist"
        case .taken(let address): "\(address) is taken"
        case .store: "the store cannot do it now"
        }
    }
}
