import MailModel
import MailPorts

/// What one lookup does not tell: aliases followed, zones that are not signed, what mail does without.
extension DomainChecker {
    /// Compares and, where that is not enough, looks further.
    ///
    /// - Parameter seen: what the answer shows, replaced where another type of record was found.
    /// - Throws: `.temporary` when a further lookup had no answer.
    static func judge(
        _ record: DomainRecord,
        _ published: PublishedValues,
        _ resolver: any PublishedRecordReading,
        _ seen: inout PublishedValues
    ) async throws(DNSError) -> RecordRules.Verdict {
        var verdict = RecordRules.compare(record, published.values)
        switch record.purpose {
        case .web where record.kind == .cname && published.values.isEmpty:
            verdict = try await addresses(record, resolver, &seen) ?? verdict
        case .dkim where verdict.status == .ok && record.behind != nil:
            verdict = try await behindAlias(record, verdict, resolver)
        case .tlsa, .nextTLSA:
            guard try await isSigned(published, record, resolver) else {
                return (
                    .ok, verdict.found,
                    "Nothing is to be done: without DNSSEC in the zone of the host senders do not heed it."
                )
            }
            // A wrong one is worse than none: senders that check refuse to deliver.
            if verdict.status == .differs { return verdict }
        case .mx, .spf, .dkim, .dmarc, .mtaSTS, .tlsReports, .service, .web, .bimi, .challenge: ()
        }
        switch verdict.status {
        case .missing, .differs: verdict.status = record.purpose.isRequired ? verdict.status : .advised
        case .ok, .advised, .unreachable: ()
        }
        return verdict
    }

    /// A name that should be an alias may have the same addresses instead; nil when it has none.
    private static func addresses(
        _ record: DomainRecord,
        _ resolver: any PublishedRecordReading,
        _ seen: inout PublishedValues
    ) async throws(DNSError) -> RecordRules.Verdict? {
        let found = try await addresses(of: record.name, resolver)
        guard !found.values.isEmpty else { return nil }
        seen = found
        let target = String(decoding: record.value.utf8.dropLast(), as: UTF8.self)
        let wanted = try await addresses(of: target, resolver).values
        guard found.values.contains(where: { wanted.contains($0) }) else {
            return (
                .differs, found.values,
                "Programs are pointed elsewhere: publish \(record.name). CNAME \(record.value) instead."
            )
        }
        return (.ok, found.values, "Nothing is to be done.")
    }

    private static func addresses(
        of name: String,
        _ resolver: any PublishedRecordReading
    ) async throws(DNSError) -> PublishedValues {
        var all = PublishedValues(values: [])
        for kind in [DNSRecordKind.a, .aaaa] {
            let found = try await lenient(name, kind, resolver)
            guard !found.values.isEmpty else { continue }
            all = PublishedValues(
                values: all.values + found.values,
                ttl: found.ttl,
                isAuthentic: found.isAuthentic
            )
        }
        return all
    }

    /// The alias stands; the operator's zone must have the key that signs.
    private static func behindAlias(
        _ record: DomainRecord,
        _ verdict: RecordRules.Verdict,
        _ resolver: any PublishedRecordReading
    ) async throws(DNSError) -> RecordRules.Verdict {
        guard let text = record.behind else { return verdict }
        let values = try await lenient(record.name, .txt, resolver).values
        let key = DomainRecord(name: record.name, kind: .txt, purpose: .dkim, value: text)
        guard RecordRules.compare(key, values).status != .ok else { return verdict }
        return (
            .differs, verdict.found + values,
            "The alias is right, the key behind it is not: the operator publishes \(record.value) TXT \"\(text)\"."
        )
    }

    /// Whether DNSSEC vouches for the host's records.
    private static func isSigned(
        _ published: PublishedValues,
        _ record: DomainRecord,
        _ resolver: any PublishedRecordReading
    ) async throws(DNSError) -> Bool {
        guard published.values.isEmpty else { return published.isAuthentic }
        let labels = record.name.utf8.split(separator: UInt8(ascii: "."))
        let host = labels.dropFirst(2).map { String(decoding: $0, as: UTF8.self) }.joined(separator: ".")
        return try await addresses(of: host, resolver).isAuthentic
    }

    private static func lenient(
        _ name: String,
        _ kind: DNSRecordKind,
        _ resolver: any PublishedRecordReading
    ) async throws(DNSError) -> PublishedValues {
        do throws(DNSError) {
            return try await resolver.published(name, kind)
        } catch {
            switch error {
            case .noSuchName, .invalidName: return PublishedValues(values: [])
            case .temporary: throw error
            }
        }
    }
}
