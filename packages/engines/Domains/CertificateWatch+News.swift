import Logging
import MailModel
import MailPorts
import Metrics

extension CertificateWatch {
    /// Tells of ends that come near: owners of their domains' names, operators of the platform's own.
    func tell(now: Timestamp) async throws(StoreError) {
        while !Task.isCancelled {
            let news = try await store.certificateNews(now: now, limit: Self.newsLimit)
            // Ordered by organisation: the first one's.
            guard let first = news.first else { return }
            let group = news.prefix { $0.organisation == first.organisation }
            guard try await tell(Array(group), of: first.organisation, now: now) else { return }
        }
    }

    private func tell(
        _ news: [WatchedCertificate],
        of organisation: OrganisationID?,
        now: Timestamp
    ) async throws(StoreError) -> Bool {
        let audit = news.map { one in
            AuditEvent(
                at: now,
                actor: "system",
                action: "certificate.warning",
                subject: one.place.host,
                detail: AuditDetail().adding("port", Int64(one.place.port)).adding("days", one.days(now))
                    .adding("ends", CertificateText.moment(one.sight?.notAfter)).text
            )
        }
        let mail = try await letter(news, to: organisation, now: now)
        var isDone: Bool
        do throws(StoreError) {
            isDone = try await store.tellCertificates(news, by: mail, audit: audit, now: now)
        } catch  where mail != nil && error.isForWantOfRoom {
            // No room for the mail: the audit and the metric have it.
            isDone = try await store.tellCertificates(news, by: nil, audit: audit, now: now)
        }
        guard isDone else { return false }
        for one in news {
            let step = one.sight?.notAfter.flatMap { CertificateStep(end: $0, now: now) }
            Counter(
                label: "oonrumail_certificate_warnings_total",
                dimensions: [("days", "\(step?.rawValue ?? 0)")]
            ).increment()
            logger.warning(
                "a certificate ends",
                metadata: ["name": "\(one.place)", "days": "\(one.days(now))"]
            )
        }
        return true
    }

    /// nil where there is nobody to write to.
    private func letter(
        _ news: [WatchedCertificate],
        to organisation: OrganisationID?,
        now: Timestamp
    ) async throws(StoreError) -> DeliveryPlan? {
        let subject = CertificateText.title(news, now: now)
        let text = CertificateText.body(news, isOwners: organisation != nil, now: now)
        if let organisation {
            return try await notice.plan(to: organisation, subject: subject, text: text, now: now)
        }
        return try await notice.planToOperators(subject: subject, text: text, now: now)
    }
}

/// What is written of certificates; names are host names, other texts printable ASCII.
enum CertificateText {
    static func title(_ news: [WatchedCertificate], now: Timestamp) -> String {
        let names = news.map(\.place.host)
        let days = news.map { $0.days(now) }.min() ?? 0
        let when = days < 0 ? "has ended" : "ends in \(days) days"
        guard let first = names.first, names.contains(where: { $0 != first }) else {
            return "The certificate of \(names.first ?? "a host") \(when)"
        }
        return "Certificates of \(first) and others end: the first \(when)"
    }

    static func body(_ news: [WatchedCertificate], isOwners: Bool, now: Timestamp) -> String {
        var lines = ["Certificates that end soon:", ""]
        for (one, places) in merged(news) {
            lines.append("\(one.place.host) (\(CertificateSummary.ports(places)))")
            lines.append("  ends \(moment(one.sight?.notAfter)), \(one.days(now)) days from now")
            if let issuer = one.sight?.issuer, !issuer.isEmpty { lines.append("  issued by \(issuer)") }
            if let fault = one.sight?.fault, !fault.isEmpty { lines.append("  \(fault)") }
        }
        lines += [
            "",
            isOwners
                ? "Clients refuse these names afterwards. Whoever runs the servers that they lead to renews the certificates."
                : "Clients refuse these names afterwards. The runbook's page on certificates says how they are renewed.",
        ]
        return lines.joined(separator: "\n")
    }

    /// A certificate that several ports of a name show is told of once.
    private static func merged(_ news: [WatchedCertificate]) -> [(one: WatchedCertificate, places: [CertificatePlace])]
    {
        var all: [(one: WatchedCertificate, places: [CertificatePlace])] = []
        for one in news {
            let same = all.firstIndex {
                $0.one.place.host == one.place.host && $0.one.sight?.keyHash == one.sight?.keyHash
                    && $0.one.sight?.notAfter == one.sight?.notAfter && $0.one.sight?.fault == one.sight?.fault
            }
            if let same { all[same].places.append(one.place) } else { all.append((one, [one.place])) }
        }
        return all
    }

    /// `2027-01-15`, the day in UTC.
    static func moment(_ time: Timestamp?) -> String { time.map { CalendarDay($0).dashed } ?? "-" }
}

extension WatchedCertificate {
    /// Whole days until its end, rounded down; negative when it has ended.
    func days(_ now: Timestamp) -> Int64 {
        guard let end = sight?.notAfter else { return 0 }
        let seconds = end.seconds - now.seconds
        return seconds >= 0 ? seconds / 86_400 : -1 - (-1 - seconds) / 86_400
    }
}
