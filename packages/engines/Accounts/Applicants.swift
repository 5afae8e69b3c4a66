import Logging
import MailModel
import MailPorts

/// Mail to people who have no account yet, and the bounds on what they ask.
struct Applicants: Sendable {
    static let windowSeconds = 3_600

    /// In the names of counters.
    let kind: String
    let secret: LooseSecret
    /// nil: nobody takes note of what clients do.
    let conduct: (any ConductNoting)?
    /// nil: nobody is told by mail.
    let notices: (any NoticeSending)?
    let limiter: any RateLimiter
    /// Requests, and tokens tried, from one client address in an hour.
    let requests: Int
    let logger: Logger

    func count(_ what: String, _ remote: IPAddress?, _ now: Timestamp) async throws(AccountError) {
        guard let remote else { return }
        let key = "\(kind).\(what):\(AccountAuthenticator.place(remote))"
        if case .exceeded(let seconds) = await limiter.count(
            key,
            limit: requests,
            windowSeconds: Self.windowSeconds,
            now: now
        ) {
            throw .tooMany(retryAfterSeconds: seconds)
        }
    }

    /// Takes note of a token that is none.
    func noteWrong(_ token: String, _ remote: IPAddress?) { conduct?.noteWrong(secret, token, of: remote) }

    /// Whether one more mail may go to the address.
    func mayMail(_ address: EmailAddress, atMost limit: Int, inSeconds window: Int64, _ now: Timestamp) async -> Bool {
        await isWithin("\(kind).mail:\(address.canonical)", limit, window, now)
    }

    /// Whether those who decide of a domain may be told of one more.
    func mayTell(of domain: String, atMost limit: Int, inSeconds window: Int64, _ now: Timestamp) async -> Bool {
        await isWithin("\(kind).managers:\(domain)", limit, window, now)
    }

    private func isWithin(_ key: String, _ limit: Int, _ window: Int64, _ now: Timestamp) async -> Bool {
        guard case .allowed = await limiter.count(key, limit: limit, windowSeconds: Int(window), now: now) else {
            return false
        }
        return true
    }

    /// A mail that is not sent undoes nothing: an answer that tells of it would tell of the address.
    ///
    /// - Parameter domain: in whose name; nil: the platform's.
    func tell(
        _ address: EmailAddress,
        from domain: String? = nil,
        _ subject: String,
        _ text: String,
        _ now: Timestamp
    ) async {
        do throws(StoreError) {
            try await notices?.send(
                PlatformNotice(to: address, from: domain, subject: subject, text: text),
                now: now
            )
        } catch {
            logger.notice("a notice was not sent", metadata: ["error": "\(error)"])
        }
    }
}
