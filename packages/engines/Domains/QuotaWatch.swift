package import Logging
package import MailModel
package import MailPorts
import Metrics

/// Tells who is responsible that a quota fills: at 80, 90 and 95 hundredths, and above a soft limit, once each.
///
/// A step is told again only after use has fallen five hundredths below it. Of all processes one at a time tells; the mail
/// is delivered in the transaction that notes that it was told.
package struct QuotaWatch: Sendable {
    static let task = "quota-news"
    /// Longer than one page of news takes.
    static let leaseSeconds: Int64 = 120
    /// Told of in one go.
    static let page = 100

    private let quotas: any QuotaStore
    private let directory: any DirectoryStore
    private let upkeep: any DomainStore
    private let notice: OwnerNotice
    private let logger: Logger

    package init(
        quotas: any QuotaStore,
        directory: any DirectoryStore,
        upkeep: any DomainStore,
        notice: OwnerNotice,
        logger: Logger = Logger(label: "quotas")
    ) {
        self.quotas = quotas
        self.directory = directory
        self.upkeep = upkeep
        self.notice = notice
        self.logger = logger
    }

    /// Tells what there is to tell.
    ///
    /// - Returns: how many levels were told of; 0 when another process does it.
    package func pass(holder: String, clock: any WallClock) async throws(StoreError) -> Int {
        let lease = UpkeepLease(Self.task, in: upkeep, holder: holder, seconds: Self.leaseSeconds, clock: clock)
        let told = try await lease.during { () async throws(StoreError) in
            var told = 0
            while !Task.isCancelled, try await lease.holds() {
                let now = clock.now()
                let news = try await quotas.quotaNews(limit: Self.page)
                for one in news where try await tell(one, now: now) { told += 1 }
                guard news.count == Self.page else { break }
            }
            return told
        }
        return told ?? 0
    }

    private func tell(_ news: QuotaStanding, now: Timestamp) async throws(StoreError) -> Bool {
        let audit = AuditEvent(
            at: now,
            actor: "system",
            action: "quota.warning",
            subject: news.auditName,
            detail: Self.detail(news)
        )
        let mail = try await mail(news, now: now)
        var isDone: Bool
        do throws(StoreError) {
            isDone = try await quotas.tell(news, by: mail, audit: audit)
        } catch  where mail != nil && error.isForWantOfRoom {
            // No room for the mail either: the audit and the metric have it.
            isDone = try await quotas.tell(news, by: nil, audit: audit)
        }
        guard isDone else { return false }
        for step in news.untold.names {
            Counter(
                label: "oonrumail_quota_warnings_total",
                dimensions: [("level", news.subject.level.rawValue), ("step", step)]
            ).increment()
        }
        logger.notice(
            "a quota fills",
            metadata: [
                "level": "\(news.subject.level.rawValue)", "name": "\(news.auditName)",
                "steps": "\(news.untold.names.joined(separator: ","))", "used_bytes": "\(news.usedBytes)",
            ]
        )
        return true
    }

    /// nil where there is nobody to write to.
    private func mail(_ news: QuotaStanding, now: Timestamp) async throws(StoreError) -> DeliveryPlan? {
        let (subject, text) = (Self.title(of: news), Self.text(news))
        guard case .account(let id) = news.subject else {
            return try await notice.plan(to: news.organisation, subject: subject, text: text, now: now)
        }
        guard let account = try await directory.account(id), account.status == .active else { return nil }
        return try await notice.plan(to: [account], subject: subject, text: text, now: now)
    }

    // MARK: - Words

    /// Goes into a header: only what we write ourselves, or a domain's name.
    private static func title(of news: QuotaStanding) -> String {
        let share = "\(percent(of: news)) % full"
        return switch news.subject {
        case .account: "Your mailbox is \(share)"
        case .domain(let name): "The mail of \(name) is \(share)"
        case .organisation: "The mail of your organisation is \(share)"
        }
    }

    private static func text(_ news: QuotaStanding) -> String {
        let whose =
            switch news.subject {
            case .account: "Your mailbox"
            case .domain(let name): "The domain \(name)"
            case .organisation: "Your organisation"
            }
        var lines = ["\(whose) holds \(news.usedBytes) octets in \(news.usedMessages) messages."]
        for (limit, unit) in [(news.limits.hardBytes, "octets"), (news.limits.hardMessages, "messages")] {
            if let limit { lines.append("It may hold \(limit) \(unit); beyond that it takes no more mail.") }
        }
        for (limit, unit) in [(news.limits.softBytes, "octets"), (news.limits.softMessages, "messages")] {
            if let limit { lines.append("It should hold at most \(limit) \(unit).") }
        }
        lines += ["", "Delete what is not needed, Trash and Junk first, or ask for more room."]
        return lines.joined(separator: "\n")
    }

    private static func detail(_ news: QuotaStanding) -> String {
        let steps = news.untold.names.map { "\"\($0)\"" }.joined(separator: ",")
        return "{\"steps\":[\(steps)],\"used_bytes\":\(news.usedBytes),\"used_messages\":\(news.usedMessages)}"
    }

    /// Of the limit that is nearer.
    private static func percent(of news: QuotaStanding) -> Int64 {
        func share(_ used: Int64, _ limit: Int64?) -> Int64 {
            guard let limit, limit > 0 else { return 0 }
            return min(used, 1 << 56) * 100 / limit
        }
        let limits = news.limits
        return max(
            share(news.usedBytes, limits.hardBytes ?? limits.softBytes),
            share(news.usedMessages, limits.hardMessages ?? limits.softMessages)
        )
    }
}
