import MailPorts
import MailboxEngine

/// Why a command did not succeed.
enum CommandFailure: Error {
    case store(StoreError)
    case no(code: String?, String)
    case bad(String)
    /// Nothing more can be said to this client.
    case disconnected

    init(_ failure: AccessFailure) {
        switch failure {
        // RFC 5530 §3.
        case .notPermitted: self = .no(code: "NOPERM", "Your rights in the mailbox do not allow it")
        case .impossible(let why): self = .no(code: "CANNOT", why)
        case .store(let error): self = .store(error)
        }
    }

    static let outOfRange = CommandFailure.bad("There is no message with that number")
}

/// The tagged answer.
enum Completion: Sendable {
    case ok(code: String? = nil, String)
    case no(code: String? = nil, String)
    case bad(String)
}

extension Completion {
    /// A failure that is answered with a tag.
    init(_ failure: CommandFailure) {
        switch failure {
        case .store(let error): self = Completion(error)
        case .no(let code, let text): self = .no(code: code, text)
        case .bad(let text): self = .bad(text)
        case .disconnected: self = .bad("The connection has ended")
        }
    }

    /// The one place where a store's error becomes what a client reads (RFC 9051 §7.1).
    init(_ error: StoreError) {
        switch error {
        case .notFound: self = .no(code: "NONEXISTENT", "There is no such mailbox")
        case .alreadyExists: self = .no(code: "ALREADYEXISTS", "That mailbox exists already")
        case .refused(let why): self = .no(code: "CANNOT", why)
        case .overQuota, .levelFull: self = .no(code: "OVERQUOTA", "The quota has no room for it")
        case .unavailable(let id):
            self = .no(code: "UNAVAILABLE", "The store is not available; try again (report \(id))")
        case .damaged(let id): self = .no(code: "SERVERBUG", "A record is damaged (report \(id))")
        }
    }

    var word: String {
        switch self {
        case .ok: "ok"
        case .no: "no"
        case .bad: "bad"
        }
    }
}
