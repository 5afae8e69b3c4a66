import Logging
import MailCrypto
package import MailModel
package import MailPorts
import Metrics

/// The platform's own certificate and key, where the listeners read them.
package protocol CertificatePair: Sendable {
    /// PEM; nil when one of them is missing.
    func read() throws -> (chain: [UInt8], key: [UInt8])?
    /// Both or, after a crash between them, a pair that does not belong together: the listeners keep what they had until
    /// the next order.
    func replace(with issued: IssuedCertificate) throws
}

/// Keeps the certificate of the platform's own names fresh: orders the next when two thirds of its life are over, when names
/// are missing, and when it is none that clients trust.
///
/// Invariants: one order at a time; after a failure the wait doubles, so that no limit of the authority is used up; the key
/// stays, so that what pins it (RFC 6698) goes on. Of several kinds of challenge one is used at a time: when it fails, the first
/// failure of a row is followed by an order with the next kind at once, and from then on they take turns.
package actor CertificateRenewal {
    package struct Schedule: Sendable {
        /// Between two looks at the files, at most.
        package var interval: Int64 = 3_600
        package var firstRetry: Int64 = 600
        package var longestRetry: Int64 = 86_400
        package init() {}
    }

    package nonisolated let board: any ChallengeBoard
    private let names: [String]
    private let issuer: any CertificateIssuing
    private let pair: any CertificatePair
    private let kinds: [ChallengeKind]
    private let schedule: Schedule
    private let logger = Logger(label: "certificates")
    /// Which of `kinds` is next; the one that has worked stays.
    private var turn = 0
    private var failures = 0
    private var notBefore = Timestamp(seconds: 0)
    private var isOrdering = false

    /// - Parameters:
    ///   - names: what the certificate must be for, one at least.
    ///   - kinds: how names may be shown to lead here, the preferred one first; one at least.
    package init(
        names: [String],
        kinds: [ChallengeKind] = [.http],
        issuer: any CertificateIssuing,
        pair: any CertificatePair,
        board: any ChallengeBoard,
        schedule: Schedule = Schedule()
    ) {
        precondition(!kinds.isEmpty, "no kind of challenge")
        self.names = names
        self.kinds = kinds
        self.issuer = issuer
        self.pair = pair
        self.board = board
        self.schedule = schedule
    }

    /// Orders what is due.
    ///
    /// - Returns: seconds until the next look.
    package func pass(now: Timestamp) async -> Int64 {
        guard !isOrdering else { return schedule.firstRetry }
        guard now >= notBefore else { return min(schedule.interval, notBefore.seconds - now.seconds + 1) }
        let files = try? pair.read()
        guard let reason = Self.reason(files, names: names, now: now) else { return schedule.interval }
        isOrdering = true
        defer { isOrdering = false }
        logger.notice("a certificate is ordered", metadata: ["names": "\(names)", "reason": "\(reason)"])
        do throws(IssuingFault) {
            let issued = try await issue(files?.key)
            try install(issued)
            failures = 0
            count("issued")
            logger.notice(
                "a certificate was issued",
                metadata: ["names": "\(names)", "challenge": "\(kinds[turn].rawValue)"]
            )
            return schedule.interval
        } catch {
            failures += 1
            let wait = max(error.retryAfter ?? 0, Self.wait(after: failures, schedule))
            notBefore = now.adding(seconds: wait)
            count("failed")
            logger.error("no certificate was issued", metadata: ["cause": "\(error)", "retry_seconds": "\(wait)"])
            return min(schedule.interval, wait)
        }
    }

    /// One order or, where the first one of a row fails by its challenge, another by each further kind: an authorization that
    /// has failed is dead (RFC 8555 §7.1.6), so nothing of the first order is of use.
    ///
    /// Later failures have one order each, or two kinds would use up twice as much of what the authority allows.
    private func issue(_ key: [UInt8]?) async throws(IssuingFault) -> IssuedCertificate {
        var tries = failures == 0 ? kinds.count : 1
        while true {
            tries -= 1
            do throws(IssuingFault) {
                return try await issuer.issue(names, keyPEM: key, by: kinds[turn], board: board)
            } catch {
                guard error.cause == .challenge else { throw error }
                let failed = kinds[turn]
                turn = (turn + 1) % kinds.count
                guard tries > 0, error.retryAfter == nil else { throw error }
                logger.notice(
                    "the next kind of challenge is tried",
                    metadata: ["failed": "\(failed.rawValue)", "next": "\(kinds[turn].rawValue)", "cause": "\(error)"]
                )
            }
        }
    }

    private func install(_ issued: IssuedCertificate) throws(IssuingFault) {
        do {
            try pair.replace(with: issued)
        } catch {
            throw IssuingFault("the certificate cannot be written: \(error)")
        }
    }

    private func count(_ outcome: String) {
        Counter(label: "oonrumail_certificate_orders_total", dimensions: [("outcome", outcome)]).increment()
    }

    /// Seconds after that many failures in a row.
    static func wait(after failures: Int, _ schedule: Schedule) -> Int64 {
        min(schedule.longestRetry, schedule.firstRetry << Int64(min(20, failures - 1)))
    }

    /// Why a certificate is due; nil when the one that is there will do.
    static func reason(_ files: (chain: [UInt8], key: [UInt8])?, names: [String], now: Timestamp) -> String? {
        guard let files, let first = Certificate.chain(pem: files.chain).first else { return "there is none" }
        guard first.hasKey(pem: files.key) else { return "it is not the key's" }
        guard first.issuer != first.subject else { return "it is signed by itself" }
        let missing = names.filter { !first.isFor($0) }
        guard missing.isEmpty else { return "it is not for \(missing.joined(separator: ", "))" }
        let life = first.notAfter - first.notBefore
        return now.seconds >= first.notAfter - life / 3 ? "a third of its life is left" : nil
    }
}
