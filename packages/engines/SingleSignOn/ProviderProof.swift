package import MailModel
package import MailPorts
import OpenIDWire

/// How anew the person shall prove who they are (OpenID Connect Core §3.1.2.1).
package struct SignInWish: Hashable, Sendable {
    /// `login`, `select_account`, or both.
    package var prompt: Set<String>
    /// Seconds since the person last did.
    package var maxAge: Int64?

    package init(prompt: Set<String> = [], maxAge: Int64? = nil) {
        self.prompt = prompt.intersection(["login", "select_account"])
        self.maxAge = maxAge
    }

    /// As requests write it; nil for what is neither empty nor such a wish.
    package init?(prompt: String?, maxAge: String?) {
        let words = (prompt ?? "").utf8.split(separator: 32).map { String(decoding: $0, as: UTF8.self) }
        self.init(prompt: Set(words))
        guard self.prompt.count == words.count else { return nil }
        guard let maxAge, !maxAge.isEmpty else { return }
        guard maxAge.utf8.count <= 9, maxAge.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        self.maxAge = Int64(maxAge)
    }

    package var promptText: String { prompt.sorted().joined(separator: " ") }

    /// Fields of a request that pass it on.
    package var fields: [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        if !prompt.isEmpty { fields.append(("prompt", promptText)) }
        if let maxAge { fields.append(("max_age", "\(maxAge)")) }
        return fields
    }
}

/// Whom a provider has signed in, and what it says of how.
package struct ProviderProof: Sendable {
    package var account: Account
    /// When the person was last asked, as far as the provider tells; else when it vouched for them.
    package var at: Timestamp
    /// Whether that is what the provider says.
    package var isTold: Bool
    /// Those of RFC 8176 §2 that the provider names.
    package var methods: [String]

    private static let registered: Set<String> = [
        "face", "fpt", "geo", "hwk", "iris", "kba", "mca", "mfa", "otp", "pin", "pop", "pwd", "rba", "retina", "sc",
        "sms",
        "swk", "tel", "user", "vbm", "wia",
    ]

    private static let told = "told"

    /// What a code carries of it.
    static func fields(_ claims: VerifiedClaims, _ now: Timestamp) -> [String] {
        let at = claims.seconds("auth_time").map { min($0, now.seconds) } ?? now.seconds
        var methods: [String] = []
        for word in claims.texts("amr") ?? [] where registered.contains(word) && !methods.contains(word) {
            methods.append(word)
        }
        return ["\(at)", methods.joined(separator: " "), claims.seconds("auth_time") == nil ? "" : told]
    }

    /// nil for fields that are not such.
    init?(_ fields: ArraySlice<String>, account: Account) {
        let fields = Array(fields)
        guard fields.count == 3, let seconds = Int64(fields[0]) else { return nil }
        self.account = account
        at = Timestamp(seconds: seconds)
        isTold = fields[2] == Self.told
        methods = fields[1].utf8.split(separator: 32).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether it is as new as was wished for, where the sign-in began at that moment; clocks may differ by `leeway` seconds.
    package func fulfils(_ wish: SignInWish, begun: Timestamp, leeway: Int64, now: Timestamp) -> Bool {
        if wish.prompt.contains("login"), at.adding(seconds: leeway) < begun { return false }
        if let maxAge = wish.maxAge, at.adding(seconds: maxAge + leeway) < now { return false }
        return true
    }
}

extension ProviderSignIn {
    /// Whom a code is for; spends it.
    ///
    /// - Throws: `.expired` for a code that is not good, or a verifier that is not its page's.
    package func proof(
        ofCode code: String,
        verifier: String,
        now: Timestamp
    ) async throws(SignInStepFault) -> ProviderProof {
        guard let step = SealedStep(code, .code, count: 5, secrets, now: now), let id = Int64(step.fields[0]),
            ProofKey.proves(verifier, challenge: step.fields[1]), try await spend(code, until: step.expiresAt)
        else { throw .expired }
        let found: Account?
        do throws(StoreError) {
            found = try await directory.account(AccountID(id))
        } catch {
            throw .store(error)
        }
        guard let found, found.status == .active, let proof = ProviderProof(step.fields[2...], account: found) else {
            throw .expired
        }
        return proof
    }
}
