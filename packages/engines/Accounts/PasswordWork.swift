package import MailCrypto
import Synchronization

/// Hashes and compares passwords on threads made for it, never on an event loop or the cooperative pool.
///
/// At most `maxWaiting` wait at once: beyond that a flood of sign-ins is turned away instead of filling the memory.
package struct PasswordWork: Sendable {
    package enum Failure: Error, Equatable, Sendable {
        /// Too many wait already (transient).
        case busy
        /// The library refused: no memory (transient).
        case failed
    }

    private final class Waiting: Sendable {
        let count = Atomic<Int>(0)
    }

    /// Runs a job on a bounded pool of threads.
    package typealias Submit = @Sendable (@escaping @Sendable () -> Void) -> Void

    /// What is asked of new passwords, whoever sets them.
    package var rules = PasswordRules()
    private let hasher: PasswordHasher
    private let maxWaiting: Int
    private let submit: Submit
    private let waiting = Waiting()

    /// `submit` hands a job to the threads; a command-line tool may run it at once.
    package init(hasher: PasswordHasher = PasswordHasher(), maxWaiting: Int = 256, submit: @escaping Submit) {
        self.hasher = hasher
        self.maxWaiting = maxWaiting
        self.submit = submit
    }

    package func hash(_ password: String) async throws(Failure) -> String {
        let bytes = Array(password.utf8)
        let hasher = hasher
        let text = try await perform { try? hasher.hash(bytes) }
        guard let text else { throw .failed }
        return text
    }

    package func verify(_ password: String, against hash: String) async throws(Failure) -> Bool {
        let bytes = Array(password.utf8)
        let hasher = hasher
        return try await perform { hasher.verify(bytes, against: hash) }
    }

    func needsRehash(_ hash: String) -> Bool { hasher.needsRehash(hash) }

    func perform<Value: Sendable>(_ job: @escaping @Sendable () -> Value) async throws(Failure) -> Value {
        guard waiting.count.wrappingAdd(1, ordering: .relaxed).newValue <= maxWaiting else {
            waiting.count.wrappingSubtract(1, ordering: .relaxed)
            throw .busy
        }
        defer { waiting.count.wrappingSubtract(1, ordering: .relaxed) }
        return await withCheckedContinuation { continuation in
            submit { continuation.resume(returning: job()) }
        }
    }
}
