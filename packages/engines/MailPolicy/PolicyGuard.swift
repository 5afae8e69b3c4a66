package import MailModel
package import MailPorts

/// Asks the policies of the domains concerned, for whichever protocol a message comes by.
///
/// Counters of sent mail are shared by every process that shares the limiter.
package struct PolicyGuard: Sendable {
    private let policies: any PolicyStore
    private let limiter: any RateLimiter

    package init(policies: any PolicyStore, limiter: any RateLimiter) {
        self.policies = policies
        self.limiter = limiter
    }

    // MARK: - Mail of the domain's people

    /// - Parameter size: what is announced, 0 when nothing is.
    package func refusal(sending size: Int, from domain: String) async throws(StoreError) -> PolicyRefusal? {
        guard let policy = try await policies.policy(ofDomain: domain) else { return nil }
        return policy.refusal(size: size)
    }

    /// Judges one recipient and counts it among what was sent.
    ///
    /// - Parameter count: recipients of the message before this one.
    package func refusal(
        to recipient: EmailAddress,
        after count: Int,
        by account: Account,
        now: Timestamp
    ) async throws(StoreError) -> PolicyRefusal? {
        let domain = account.primaryAddress.domain
        guard let policy = try await policies.policy(ofDomain: domain) else { return nil }
        if let limit = policy.maxRecipients, count >= limit { return .tooManyRecipients(limit: limit) }
        if let rules = policy.recipients {
            if rules.blocked.matches(recipient) { return .recipientNotAllowed }
            if let allowed = rules.allowed, !allowed.isEmpty, !rules.allowed.matches(recipient) {
                return .recipientNotAllowed
            }
        }
        guard let limits = policy.sending else { return nil }
        let windows: [(key: String, limit: Int?, level: QuotaLevel, seconds: Int)] = [
            ("policy.sent.hour:\(account.id)", limits.accountPerHour, .account, 3_600),
            ("policy.sent.day:\(account.id)", limits.accountPerDay, .account, 86_400),
            ("policy.sent.hour:\(domain)", limits.domainPerHour, .domain, 3_600),
            ("policy.sent.day:\(domain)", limits.domainPerDay, .domain, 86_400),
        ]
        for window in windows {
            guard let limit = window.limit else { continue }
            let decision = await limiter.count(window.key, limit: limit, windowSeconds: window.seconds, now: now)
            if decision != .allowed { return .sendingLimit(level: window.level, perDay: window.seconds > 3_600) }
        }
        return nil
    }

    /// How mail of a domain's people must travel.
    package enum TLSNeed: Sendable { case any, encrypted, verified }

    package func tls(from domain: String, to recipient: String) async throws(StoreError) -> TLSNeed {
        guard let rules = try await policies.policy(ofDomain: domain)?.tls, rules.outbound.matches(domain: recipient)
        else { return .any }
        return rules.outboundVerified == true ? .verified : .encrypted
    }

    // MARK: - Mail to the domain

    package func refusal(
        from sender: ReversePath,
        to domain: String,
        size: Int,
        isEncrypted: Bool
    ) async throws(StoreError) -> PolicyRefusal? {
        guard let policy = try await policies.policy(ofDomain: domain) else { return nil }
        if case .address(let address) = sender {
            if policy.blockedSenders.matches(address) { return .senderBlocked }
            if !isEncrypted, policy.tls?.inbound.matches(domain: address.domain) == true { return .needsTLS }
        }
        return policy.refusal(size: size)
    }

    /// What the domain rules of contents: recipients of one message share one answer, so their domains' rules must be the
    /// same.
    package func contentRules(of domain: String) async throws(StoreError) -> ContentRules {
        guard let policy = try await policies.policy(ofDomain: domain) else { return ContentRules() }
        return ContentRules(policy, .incoming)
    }

    // MARK: - Whole messages

    /// - Parameter message: without the trace field of this hop.
    package func refusal(
        ofIncoming message: [UInt8],
        to domain: String
    ) async throws(StoreError) -> PolicyRefusal? {
        try await contentRules(of: domain).refusal(of: message)
    }

    /// The message as it goes out, with the domain's footer, or why it does not.
    package func outgoing(
        _ message: [UInt8],
        from domain: String
    ) async throws(StoreError) -> Result<[UInt8], PolicyOffence> {
        guard let policy = try await policies.policy(ofDomain: domain) else { return .success(message) }
        if let refusal = ContentRules(policy, .outgoing).refusal(of: message) {
            return .failure(PolicyOffence(refusal: refusal))
        }
        guard let footer = policy.footer else { return .success(message) }
        return .success(FooterWriter(footer).added(to: message) ?? message)
    }

    /// Where the domain has copies of its mail sent.
    package func copies(
        of direction: DomainPolicy.Direction,
        domain: String
    ) async throws(StoreError) -> [EmailAddress] {
        let rules = try await policies.policy(ofDomain: domain)?.copies ?? []
        return rules.filter { $0.direction.includes(direction) }.compactMap { EmailAddress($0.address) }
    }
}

/// A refusal as an error.
package struct PolicyOffence: Error, Equatable {
    package var refusal: PolicyRefusal
    package init(refusal: PolicyRefusal) { self.refusal = refusal }
}

extension DomainPolicy {
    fileprivate func refusal(size: Int) -> PolicyRefusal? {
        guard let limit = maxMessageBytes, Int64(size) > limit else { return nil }
        return .tooLarge(limit: limit)
    }
}
