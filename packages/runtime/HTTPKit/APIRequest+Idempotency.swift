import HTTPTypes
import Logging
import MailCrypto

/// `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07).
extension APIRequest {
    /// Characters of a key.
    static let longestIdempotencyKey = 255

    /// What every request goes through once it is known whose it is: its account's rate, and for POST the answer that was
    /// kept of an earlier one.
    func admit(
        _ principal: Int64,
        _ handler: @Sendable (APIRequest) async throws -> APIResponse
    ) async throws -> APIResponse {
        ledger.note(principal: principal)
        try await gate.countAccount(principal, ledger)
        guard method == .post, let answers = gate.answers, let field = header("Idempotency-Key") else {
            return try await handler(self)
        }
        guard let name = Self.idempotencyKey(field) else {
            throw Problem(
                .badRequest,
                detail:
                    "Idempotency-Key takes 1 to \(Self.longestIdempotencyKey) visible ASCII characters, such as a UUID."
            )
        }
        let request = try await collected()
        let key = AnswerKey(
            principal: principal,
            hash: SHA256.hash(name),
            fingerprint: SHA256.hash(try await request.fingerprint())
        )
        switch try await answers.begin(key) {
        case .begun(let ticket): return try await request.run(handler, answers, key, ticket)
        case .running:
            throw Problem(
                .requestRunning,
                detail: "A request with this Idempotency-Key is under way.",
                headers: ["Retry-After": "1"]
            )
        case .differs: throw Problem(.keyReused, detail: "This Idempotency-Key was used for another request.")
        case .full(let seconds):
            throw Problem(
                .tooManyRequests,
                detail: "The account has as many idempotency keys as are kept.",
                headers: ["Retry-After": "\(seconds)"]
            )
        case .done(nil):
            throw Problem(
                .answerGone,
                detail: "The request with this Idempotency-Key was done; its answer is not kept."
            )
        case .done(var answer?):
            answer.headers["Idempotency-Replayed"] = "true"
            return answer
        }
    }

    /// A request that was refused changed nothing, so only successes are kept.
    private func run(
        _ handler: @Sendable (APIRequest) async throws -> APIResponse,
        _ answers: any AnswerKeeping,
        _ key: AnswerKey,
        _ ticket: [UInt8]
    ) async throws -> APIResponse {
        let answer: APIResponse
        do {
            answer = try await handler(self)
        } catch {
            await end { try await answers.forget(key, ticket: ticket) }
            throw error
        }
        await end {
            if (200..<300).contains(answer.status) {
                try await answers.keep(answer, of: key, ticket: ticket)
            } else {
                try await answers.forget(key, ticket: ticket)
            }
        }
        return answer
    }

    /// What was done stays done: the key is free again when its time is over.
    private func end(_ work: @Sendable () async throws -> Void) async {
        do {
            try await work()
        } catch {
            logger.error("the answer of a request was not kept", metadata: ["error": .string("\(error)")])
        }
    }

    private func fingerprint() async throws(Problem) -> [UInt8] {
        Array("\(method.rawValue) \(target)\n".utf8) + (try await body())
    }

    /// RFC 8941 §3.3.3: a string between quotes; or, as most clients write it, without them.
    private static func idempotencyKey(_ field: String) -> [UInt8]? {
        var bytes = Array(field.utf8)
        if bytes.first == UInt8(ascii: "\"") {
            guard bytes.count >= 2, bytes.last == UInt8(ascii: "\"") else { return nil }
            bytes = Array(bytes[1..<(bytes.count - 1)])
            guard !bytes.contains(UInt8(ascii: "\"")) else { return nil }
        }
        guard (1...longestIdempotencyKey).contains(bytes.count), bytes.allSatisfy({ (33...126).contains($0) }) else {
            return nil
        }
        return bytes
    }
}
