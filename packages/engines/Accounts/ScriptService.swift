package import MailModel
package import MailPorts
import SieveScript

package struct ScriptLimits: Sendable {
    /// Scripts of one account.
    package var scripts = 20
    /// Octets of a script.
    package var octets = 65_536
    /// Octets of a name.
    package static let name = 128
    package init() {}
}

/// Sieve scripts of people: what their mail goes through when it comes.
///
/// Invariants: a text that is kept can be followed; a person has one active script at most; the active one is not removed.
package struct ScriptService: Sendable {
    package let store: any ScriptStore
    private let limits: ScriptLimits

    package init(store: any ScriptStore, limits: ScriptLimits = ScriptLimits()) {
        (self.store, self.limits) = (store, limits)
    }

    package func script(named name: String, of account: Account) async throws(AccountError) -> StoredScript {
        guard
            let found = try await stored({ () async throws(StoreError) in
                try await store.script(named: name, of: account.id)
            })
        else { throw .store(.notFound) }
        return found
    }

    package func put(
        named name: String,
        _ text: String,
        of account: Account,
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) -> (entry: ScriptEntry, isNew: Bool) {
        try Self.check(name: name)
        try check(text)
        return try await stored { () async throws(StoreError) in
            try await store.putScript(
                named: name,
                text,
                of: account.id,
                atMost: limits.scripts,
                audit: actor.event("sieve.put", account.primaryAddress.canonical, now)
            )
        }
    }

    /// nil: mail of the account goes through none any more.
    package func activate(
        named name: String?,
        of account: Account,
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) {
        let action = name == nil ? "sieve.deactivate" : "sieve.activate"
        try await stored { () async throws(StoreError) in
            try await store.activateScript(
                named: name,
                of: account.id,
                audit: actor.event(action, account.primaryAddress.canonical, now)
            )
        }
    }

    package func remove(
        named name: String,
        of account: Account,
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) {
        try await stored { () async throws(StoreError) in
            try await store.removeScript(
                named: name,
                of: account.id,
                audit: actor.event("sieve.remove", account.primaryAddress.canonical, now)
            )
        }
    }

    /// The line of the audit for messages that a script filed afterwards.
    package func event(_ account: Account, by actor: PeopleActor, now: Timestamp) -> AuditEvent {
        actor.event("sieve.run", account.primaryAddress.canonical, now)
    }

    /// RFC 5804 §1.6: 1 to 128 octets of UTF-8 without control characters, and without `/`, which parts the paths of routes.
    static func check(name: String) throws(AccountError) {
        let octets = Array(name.utf8)
        guard (1...ScriptLimits.name).contains(octets.count) else {
            throw .fieldRefused("name", "A name has 1 to \(ScriptLimits.name) octets.")
        }
        let isPlain = name.unicodeScalars.allSatisfy { scalar in
            scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value) && scalar.value != 0x2028
                && scalar.value != 0x2029 && scalar != "/"
        }
        guard isPlain else { throw .fieldRefused("name", "A name has no control characters and no slash.") }
    }

    /// Reads the text as mail would go through it.
    package func check(_ text: String) throws(AccountError) {
        guard text.utf8.count <= limits.octets else {
            throw .fieldRefused("text", "A script has at most \(limits.octets) octets.")
        }
        guard !text.utf8.contains(0) else { throw .fieldRefused("text", "A script has no NUL.") }
        var bounds = SieveLimits()
        bounds.scriptLength = limits.octets
        do throws(SieveFault) {
            _ = try SieveScript(Array(text.utf8), limits: bounds)
        } catch {
            throw .fieldRefused("text", "Line \(error.line), column \(error.column): \(error.sentence)")
        }
    }

    private func stored<Value>(_ work: () async throws(StoreError) -> Value) async throws(AccountError) -> Value {
        do throws(StoreError) {
            return try await work()
        } catch .refused(let why) {
            throw .fieldTaken("name", why)
        } catch {
            throw .store(error)
        }
    }
}
