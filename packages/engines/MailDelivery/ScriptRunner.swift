package import MailModel
package import MailPorts
package import SieveScript
import Synchronization

/// Runs people's scripts; read ones are kept, so that a script is parsed once for many messages.
package final class ScriptRunner: Sendable {
    /// Scripts that are kept; the oldest make room.
    static let kept = 512
    /// Runs over one message: one more than duplicates that lead to other duplicates.
    static let runs = 16

    private struct Key: Hashable {
        var account: AccountID
        var version: Int64
    }

    /// A script of an account as it runs.
    package struct Ready: Sendable {
        package var name: String
        /// What is wrong with a text that was taken once, and is not any more.
        package var script: Result<SieveScript, SieveFault>
    }

    private struct Kept {
        var scripts: [Key: Ready] = [:]
        /// Oldest first.
        var order: [Key] = []
    }

    private let store: any ScriptStore
    private let limits: SieveLimits
    private let state = Mutex(Kept())

    /// - Parameters:
    ///   - octets: of a script.
    ///   - redirects: addresses that one script sends one message on to.
    package init(store: any ScriptStore, octets: Int, redirects: Int) {
        self.store = store
        var limits = SieveLimits()
        (limits.scriptLength, limits.redirects) = (octets, redirects)
        self.limits = limits
    }

    /// What mail of the account goes through; nil when it is switched off meanwhile.
    ///
    /// - Parameter version: as the row of the address told it.
    func active(of account: AccountID, version: Int64) async throws(StoreError) -> Ready? {
        let key = Key(account: account, version: version)
        if let found = state.withLock({ $0.scripts[key] }) { return found }
        guard let stored = try await store.activeScript(of: account) else { return nil }
        return ready(stored, of: account)
    }

    package func ready(_ stored: StoredScript, of account: AccountID) -> Ready {
        let key = Key(account: account, version: stored.entry.version)
        if let found = state.withLock({ $0.scripts[key] }) { return found }
        let made = Ready(name: stored.entry.name, script: read(Array(stored.text.utf8)))
        state.withLock { state in
            guard state.scripts.updateValue(made, forKey: key) == nil else { return }
            state.order.append(key)
            guard state.order.count > Self.kept else { return }
            state.scripts[state.order.removeFirst()] = nil
        }
        return made
    }

    private func read(_ text: [UInt8]) -> Result<SieveScript, SieveFault> {
        do throws(SieveFault) {
            return .success(try SieveScript(text, limits: limits))
        } catch {
            return .failure(error)
        }
    }

    /// What the script decides, or what ended it.
    ///
    /// - Parameter isDelivery: the message comes now; over stored mail nothing is a duplicate.
    func run(
        _ ready: Ready,
        on message: ScriptMessage,
        _ facts: SieveFacts,
        of account: AccountID,
        isDelivery: Bool
    ) async throws(StoreError) -> Result<SieveOutcome, ScriptFailure> {
        let script: SieveScript
        switch ready.script {
        case .success(let read): script = read
        case .failure(let fault):
            return .failure(ScriptFailure(line: fault.line, column: fault.column, sentence: fault.sentence))
        }
        guard isDelivery else { return Self.run(script, on: message, facts, limits) }
        var (facts, asked, known) = (facts, Set<ScriptMark>(), Set<ScriptMark>())
        // What a script asks for is known when it has run: what is remembered of that is read, and it runs again, until it asks for
        // nothing new.
        for _ in 0..<Self.runs {
            let seen = known
            let wanted = Mutex<Set<ScriptMark>>([])
            facts.isDuplicate = { duplicate in
                let mark = ScriptMark(handle: duplicate.handle, id: duplicate.id)
                wanted.withLock { _ = $0.insert(mark) }
                return seen.contains(mark)
            }
            let outcome = Self.run(script, on: message, facts, limits)
            let new = wanted.withLock { $0 }.subtracting(asked)
            guard !new.isEmpty else { return outcome }
            let found = try await store.scriptMarks(Array(new), of: account, at: facts.now)
            guard !found.isEmpty else { return outcome }
            asked.formUnion(new)
            known.formUnion(found)
        }
        return .failure(
            ScriptFailure(line: 1, column: 1, sentence: "It asks for duplicates of duplicates without end.")
        )
    }

    private static func run(
        _ script: SieveScript,
        on message: ScriptMessage,
        _ facts: SieveFacts,
        _ limits: SieveLimits
    ) -> Result<SieveOutcome, ScriptFailure> {
        do throws(SieveRunFault) {
            return .success(try script.run(on: message, facts, limits: limits))
        } catch {
            return .failure(ScriptFailure(line: error.line, column: error.column, sentence: error.sentence))
        }
    }

    /// Remembers what the script asked to be remembered, when its actions are done (RFC 7352 §3.1).
    func remember(_ duplicates: [SieveDuplicate], of account: AccountID, at now: Timestamp) async throws(StoreError) {
        for duplicate in duplicates {
            try await store.rememberScriptMark(
                ScriptMark(handle: duplicate.handle, id: duplicate.id),
                of: account,
                until: now.adding(seconds: min(duplicate.seconds, limits.duplicateSeconds)),
                isRenewed: duplicate.isRenewed,
                now: now
            )
        }
    }
}

/// Why a script came to no decision.
struct ScriptFailure: Error, Hashable, Sendable {
    var line: Int
    var column: Int
    /// For whose script it is; it may repeat what they wrote.
    var sentence: String
}
