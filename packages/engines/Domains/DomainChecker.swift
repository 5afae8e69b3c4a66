package import MailModel
package import MailPorts

/// Looks at what domains publish.
package struct DomainChecker: Sendable {
    /// Values of one record that a report shows, and octets of each.
    static let shownValues = 10
    static let shownOctets = 512

    private let records: DomainService
    private let resolver: @Sendable () async throws -> any PublishedRecordReading
    private let resolverName: String

    /// - Parameters:
    ///   - resolver: makes one that remembers nothing.
    ///   - resolverName: for the reader of a report.
    package init(
        records: DomainService,
        resolver: @escaping @Sendable () async throws -> any PublishedRecordReading,
        resolverName: String
    ) {
        self.records = records
        self.resolver = resolver
        self.resolverName = resolverName
    }

    /// Every record of a hosted domain, all looked up at once; `.notFound` when it is not hosted.
    package func check(_ domain: String, now: Timestamp) async throws(StoreError) -> DomainReport {
        let expected = try await records.records(of: domain)
        let resolver = try? await resolver()
        let name = EmailAddress.lowercased(domain)
        let checks = await withTaskGroup(of: (Int, RecordCheck).self, returning: [RecordCheck].self) { group in
            for (place, record) in expected.enumerated() {
                group.addTask { (place, await Self.check(record, resolver)) }
            }
            var found = [RecordCheck?](repeating: nil, count: expected.count)
            for await (place, check) in group { found[place] = check }
            return found.compactMap(\.self)
        }
        return DomainReport(domain: name, checkedAt: now, resolver: resolverName, records: checks)
    }

    private static func check(
        _ record: DomainRecord,
        _ resolver: (any PublishedRecordReading)?
    ) async -> RecordCheck {
        var check = RecordCheck(
            record: record,
            status: .unreachable,
            found: [],
            ttl: nil,
            isAuthentic: false,
            advice: "DNS did not answer: check again later."
        )
        guard let resolver else { return check }
        var published = PublishedValues(values: [])
        do throws(DNSError) {
            published = try await resolver.published(record.name, record.kind)
        } catch {
            switch error {
            case .noSuchName, .invalidName: break
            case .temporary: return check
            }
        }
        let verdict: RecordRules.Verdict
        do throws(DNSError) {
            verdict = try await judge(record, published, resolver, &published)
        } catch {
            return check
        }
        check.status = verdict.status
        check.found = verdict.found.prefix(shownValues).map { DomainLife.shown($0, shownOctets) }
        check.ttl = verdict.found.isEmpty ? nil : published.ttl
        check.isAuthentic = published.isAuthentic
        check.advice = verdict.advice
        return check
    }
}
