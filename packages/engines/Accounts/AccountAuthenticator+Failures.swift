import Logging
package import MailModel
import MailPorts
import Metrics

/// Failures are counted, logged and written into the trail.
extension AccountAuthenticator {
    func count(_ outcome: AuthenticationOutcome, _ service: String) {
        let word =
            switch outcome {
            case .success: "success"
            case .secondFactorNeeded: "second_factor_needed"
            case .enrolmentNeeded: "enrolment_needed"
            case .appPasswordNeeded: "app_password_needed"
            case .providerNeeded: "provider_needed"
            case .invalid: "invalid"
            case .lockedOut: "locked_out"
            case .unavailable: "unavailable"
            }
        Counter(label: "oonrumail_auth_attempts_total", dimensions: [("service", service), ("outcome", word)])
            .increment()
    }

    /// Tells whoever counts what clients do; a right password alone is neither good nor bad.
    func note(_ outcome: AuthenticationOutcome, _ user: String, _ secret: String, _ remote: IPAddress?) {
        guard let conduct, let remote else { return }
        switch outcome {
        case .success(let signIn): conduct.note(.signedIn(signIn.account.id), of: remote)
        case .invalid, .lockedOut:
            // Every spelling of an address is one account.
            let short = String(decoding: user.utf8.prefix(320), as: UTF8.self)
            let account = EmailAddress(short)?.canonical ?? short
            conduct.note(.failedSignIn(account: account, secret: secret), of: remote)
        case .secondFactorNeeded, .enrolmentNeeded, .appPasswordNeeded, .providerNeeded, .unavailable: ()
        }
    }

    func isLockedOut(_ counters: [(key: String, limit: Int)], _ now: Timestamp) async -> Bool {
        for (key, limit) in counters
        where await limiter.peek(key, windowSeconds: limits.windowSeconds, now: now) >= limit {
            return true
        }
        return false
    }

    func refuse(
        _ why: String,
        _ address: EmailAddress?,
        _ remote: IPAddress?,
        _ service: String,
        _ counters: [(key: String, limit: Int)],
        _ now: Timestamp
    ) async -> AuthenticationOutcome {
        for (key, limit) in counters {
            _ = await limiter.count(key, limit: limit, windowSeconds: limits.windowSeconds, now: now)
        }
        await trail.refused(address, why, service, remote, now)
        logger.notice(
            "sign-in refused",
            metadata: [
                "service": .string(service), "why": .string(why), "account": .string(address?.canonical ?? "-"),
                "remote": .string(remote?.description ?? "-"),
            ]
        )
        return .invalid
    }

    /// The counters that this attempt falls under, the pair's first; none for exempt clients.
    func counters(_ address: EmailAddress?, _ remote: IPAddress?) -> [(key: String, limit: Int)] {
        guard let remote, !limits.exempt.contains(where: { $0.contains(remote) }) else { return [] }
        let place = Self.place(remote)
        let perAddress = (key: "auth.failure.remote:\(place)", limit: limits.failuresPerAddress)
        guard let address else { return [perAddress] }
        return [(key: "auth.failure:\(address.canonical)|\(place)", limit: limits.failures), perAddress]
    }

    /// IPv6 clients own a /64 at least: its addresses count as one.
    package static func place(_ remote: IPAddress) -> String {
        guard !remote.isIPv4, let network = IPAddress(bytes: remote.bytes[..<8] + [UInt8](repeating: 0, count: 8))
        else {
            return remote.description
        }
        return "\(network)/64"
    }
}
