package import Logging
import MailModel
package import MailPorts
import Synchronization

/// A mail client has signed in: as whom, and with what.
package struct SignIn: Sendable {
    package var account: Account
    package var credential: SignInCredential
    /// Endings that this process knew before the credential was read: later ones apply to it.
    var position: Int64

    init(account: Account, credential: SignInCredential, position: Int64) {
        (self.account, self.credential, self.position) = (account, credential, position)
    }
}

/// The mail sessions of one process, so that a revoked credential ends them.
///
/// Endings are numbered in the order in which they become visible, and a session enters with the number that was known
/// before its credential was looked up: a revocation either is seen by the look-up or has a greater number.
package final class SignInRegistry: Sendable {
    package struct Ticket: Hashable, Sendable {
        fileprivate let account: AccountID
        fileprivate let number: Int64
    }

    private struct Session {
        var credential: SignInCredential
        var end: @Sendable () -> Void
    }

    private struct State {
        var position: Int64 = 0
        var hasBegun = false
        /// The last endings, for sign-ins that were under way.
        var recent: [SignInEnding] = []
        var sessions: [AccountID: [Int64: Session]] = [:]
        var next: Int64 = 0
    }

    /// Endings read at once, and kept for sign-ins that are under way.
    private static let page = 1_000

    private let state = Mutex(State())
    private let observer = Mutex<(@Sendable (SignInEnding) -> Void)?>(nil)

    package init() {}

    /// Is told of every ending that is read, before the sessions end.
    func observe(_ observer: @escaping @Sendable (SignInEnding) -> Void) {
        self.observer.withLock { $0 = observer }
    }

    /// Whether the account's password was revoked after a position.
    func hasEnded(_ account: AccountID, since position: Int64) -> Bool {
        state.withLock { state in
            state.recent.contains { $0.number > position && $0.concerns(account, .password) }
        }
    }

    var position: Int64 { state.withLock { $0.position } }

    /// Sessions under way.
    package var count: Int { state.withLock { $0.sessions.values.reduce(0) { $0 + $1.count } } }

    /// Accounts with a session under way.
    package var accounts: Int { state.withLock { $0.sessions.count } }

    /// Keeps a session until it leaves; nil when its credential was revoked meanwhile.
    ///
    /// `end` is called at most once, on any thread.
    package func enter(_ signIn: SignIn, end: @escaping @Sendable () -> Void) -> Ticket? {
        state.withLock { state in
            let isOutrun = state.recent.first.map { $0.number > signIn.position + 1 && state.recent.count >= Self.page }
            guard isOutrun != true else { return nil }
            guard
                !state.recent.contains(where: {
                    $0.number > signIn.position && $0.concerns(signIn.account.id, signIn.credential)
                })
            else { return nil }
            state.next += 1
            state.sessions[signIn.account.id, default: [:]][state.next] = Session(
                credential: signIn.credential,
                end: end
            )
            return Ticket(account: signIn.account.id, number: state.next)
        }
    }

    package func leave(_ ticket: Ticket) {
        state.withLock { state in
            state.sessions[ticket.account]?[ticket.number] = nil
            if state.sessions[ticket.account]?.isEmpty == true { state.sessions[ticket.account] = nil }
        }
    }

    /// Reads what was revoked since the last call and ends the sessions concerned.
    package func look(into store: any CredentialStore) async throws(StoreError) {
        while true {
            let (after, hasBegun) = state.withLock { ($0.position, $0.hasBegun) }
            let endings = try await store.signInEndings(after: hasBegun ? after : nil, limit: Self.page)
            let ended = state.withLock { state in
                // Looks take turns by their caller; one that was overtaken has nothing new.
                state.hasBegun = true
                let new = endings.filter { $0.number > state.position }
                state.position = new.last?.number ?? state.position
                state.recent = Array((state.recent + new).suffix(Self.page))
                return hasBegun ? new.flatMap { Self.take($0, &state) } : []
            }
            if let tell = observer.withLock({ $0 }) {
                for ending in endings { tell(ending) }
            }
            for session in ended { session.end() }
            guard hasBegun, endings.count == Self.page else { return }
        }
    }

    private static func take(_ ending: SignInEnding, _ state: inout State) -> [Session] {
        guard let sessions = state.sessions[ending.account] else { return [] }
        let gone = sessions.filter { ending.concerns(ending.account, $0.value.credential) }
        for number in gone.keys { state.sessions[ending.account]?[number] = nil }
        if state.sessions[ending.account]?.isEmpty == true { state.sessions[ending.account] = nil }
        return Array(gone.values)
    }

    /// Looks every `interval` until the task is cancelled; a store that is away is asked again.
    package func watch(_ store: any CredentialStore, every interval: Duration, logger: Logger) async {
        var isAway = false
        while !Task.isCancelled {
            do throws(StoreError) {
                try await look(into: store)
                isAway = false
            } catch {
                if !isAway {
                    logger.warning("revoked sign-ins cannot be read", metadata: ["error": .string("\(error)")])
                }
                isAway = true
            }
            try? await Task.sleep(for: interval)
        }
    }
}

extension SignInEnding {
    fileprivate func concerns(_ account: AccountID, _ credential: SignInCredential) -> Bool {
        self.account == account && (self.credential == nil || self.credential == credential)
    }
}
