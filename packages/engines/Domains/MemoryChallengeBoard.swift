import MailModel
package import MailPorts
import Synchronization

/// Answers that this process serves; at most a hundred of each kind at a time.
package final class MemoryChallengeBoard: ChallengeBoard {
    private static let most = 100
    private let answers = Mutex<[String: String]>([:])
    /// By name in lower case.
    private let certificates = Mutex<[String: ChallengeCertificate]>([:])

    package init() {}

    package func put(_ answer: String, for token: String) {
        answers.withLock { Self.keep(answer, for: token, in: &$0) }
    }

    package func remove(_ token: String) { answers.withLock { $0[token] = nil } }
    package func answer(_ token: String) -> String? { answers.withLock { $0[token] } }

    package func show(_ certificate: ChallengeCertificate, for name: String) {
        certificates.withLock { Self.keep(certificate, for: EmailAddress.lowercased(name), in: &$0) }
    }

    package func hide(_ name: String) { certificates.withLock { $0[EmailAddress.lowercased(name)] = nil } }

    package func certificate(for name: String) -> ChallengeCertificate? {
        certificates.withLock { $0[EmailAddress.lowercased(name)] }
    }

    private static func keep<Value>(_ value: Value, for key: String, in all: inout [String: Value]) {
        guard all.count < most || all[key] != nil else { return }
        all[key] = value
    }
}
