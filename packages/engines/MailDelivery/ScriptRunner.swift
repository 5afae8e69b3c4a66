package import MailModel
package import MailPorts
package import SieveScript
import Synchronization

/// Runs people's scripts; read ones are kept, so that a script is parsed once for many messages.
package final class ScriptRunner: Sendable {
    /// Scripts that are kept; the oldest make room.
    static let kept = 512

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
        var facts = facts
        let asked = Mutex<Set<ScriptMark>>([])
        facts.isDuplicate = { duplicate in
            asked.withLock { _ = $0.insert(ScriptMark(handle: duplicate.handle, id: duplicate.id)) }
            return false
        }
        let first = Self.run(script, on: message, facts, limits)
        let marks = asked.withLock { Array($0) }
        guard !marks.isEmpty else { return first }
        // What a script asks for is known when it has run: what is remembered of that is read, and it runs again.
        let known = try await store.scriptMarks(marks, of: account, at: facts.now)
        guard !known.isEmpty else { return first }
        facts.isDuplicate = { known.contains(ScriptMark(handle: $0.handle, id: $0.id)) }
        return Self.run(script, on: message, facts, limits)
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
