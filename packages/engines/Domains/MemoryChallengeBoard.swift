import MailPorts
import Synchronization

/// Answers that this process serves; at most a hundred at a time.
package final class MemoryChallengeBoard: ChallengeBoard {
    private static let most = 100
    private let answers = Mutex<[String: String]>([:])

    package init() {}

    package func put(_ answer: String, for token: String) {
        answers.withLock { answers in
            guard answers.count < Self.most || answers[token] != nil else { return }
            answers[token] = answer
        }
    }

    package func remove(_ token: String) { answers.withLock { $0[token] = nil } }
    package func answer(_ token: String) -> String? { answers.withLock { $0[token] } }
}
