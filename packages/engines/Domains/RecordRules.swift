import MailModel
import MailPorts
import SenderAuth

/// Compares what is published with what should be.
///
/// An owner's own words count where they mean the same: another policy for DMARC, more hosts in SPF.
enum RecordRules {
    typealias Verdict = (status: RecordStatus, found: [String], advice: String)

    static func compare(_ record: DomainRecord, _ values: [String]) -> Verdict {
        switch record.purpose {
        case .mx: exchange(record, values)
        case .spf: sender(record, values)
        case .dkim: record.kind == .cname ? exact(record, values) : key(record, values)
        case .dmarc: policy(record, values, "v=DMARC1", tag: "p=")
        case .tlsReports: policy(record, values, "v=TLSRPTv1", tag: "rua=")
        case .mtaSTS: transport(record, values)
        case .bimi: policy(record, values, "v=BIMI1", tag: "l=")
        case .tlsa, .nextTLSA: pin(record, values)
        case .service, .web, .challenge: exact(record, values)
        }
    }

    private static func missing(_ record: DomainRecord) -> Verdict {
        (.missing, [], "Publish \(record.name). \(record.kind.rawValue) \(shown(record)).")
    }

    private static func shown(_ record: DomainRecord) -> String {
        record.kind == .txt ? "\"\(record.value)\"" : record.value
    }

    private static func instead(_ record: DomainRecord, _ why: String) -> String {
        "\(why): publish \(record.name). \(record.kind.rawValue) \(shown(record)) instead."
    }

    /// Mail arrives at the hosts of the lowest preferences, ours or others.
    private static func exchange(_ record: DomainRecord, _ values: [String]) -> Verdict {
        guard !values.isEmpty else { return missing(record) }
        let ours = host(record.value)
        let others = values.filter { host($0) != ours }
        if others.count == values.count {
            return (.differs, values, instead(record, "Mail goes to other hosts"))
        }
        guard others.isEmpty else {
            return (.differs, values, "Some mail goes to other hosts: remove \(others.joined(separator: ", ")).")
        }
        return (.ok, values, "Nothing is to be done.")
    }

    static func host(_ value: String) -> String {
        EmailAddress.lowercased(value.utf8.split(separator: 32).last.map { String(decoding: $0, as: UTF8.self) } ?? "")
    }

    /// RFC 7208 §4.5: two records are an error, whatever they say.
    private static func sender(_ record: DomainRecord, _ values: [String]) -> Verdict {
        let found = values.filter { starts($0, "v=spf1") }
        guard let only = found.first else { return missing(record) }
        guard found.count == 1 else {
            return (.differs, found, "Several SPF records cancel each other: keep one.")
        }
        let terms = Set(
            EmailAddress.lowercased(only).utf8.split(separator: 32).map { String(decoding: $0, as: UTF8.self) }
        )
        let wanted = record.value.utf8.split(separator: 32).map { String(decoding: $0, as: UTF8.self) }.dropFirst()
        // Mechanisms without a sign pass (RFC 7208 §4.6.2).
        let isLet = wanted.filter { !starts($0, "-") }.allSatisfy { terms.contains($0) || terms.contains("+\($0)") }
        guard isLet else { return (.differs, found, instead(record, "Our host may not send by this SPF record")) }
        return (.ok, found, "Nothing is to be done.")
    }

    private static func key(_ record: DomainRecord, _ values: [String]) -> Verdict {
        guard !values.isEmpty else { return missing(record) }
        let expected = DKIMRecord(record.value)
        let keys = values.compactMap { DKIMRecord($0) }
        guard keys.contains(where: { $0.publicKey == expected?.publicKey && $0.keyType == expected?.keyType }) else {
            return (.differs, values, instead(record, "This is not the key that signs"))
        }
        guard values.count == 1 else {
            return (.differs, values, "Several records at \(record.name) make signatures fail: keep one.")
        }
        return (.ok, values, "Nothing is to be done.")
    }

    /// A text of that version with that tag, in the owner's own words.
    private static func policy(
        _ record: DomainRecord,
        _ values: [String],
        _ version: String,
        tag: String
    ) -> Verdict {
        let found = values.filter { starts($0, version) }
        guard let only = found.first else { return missing(record) }
        guard found.count == 1 else {
            return (.differs, found, "Several \(version) records count as none: keep one.")
        }
        let tags = only.utf8.split(separator: 59).map {
            String(decoding: $0.drop { $0 == 32 || $0 == 9 }, as: UTF8.self)
        }
        guard tags.contains(where: { starts($0, tag) }) else {
            return (.differs, found, instead(record, "The record has no \(tag)"))
        }
        return (.ok, found, "Nothing is to be done.")
    }

    /// RFC 8461 §3.1: senders fetch the policy anew when the identifier is another one.
    private static func transport(_ record: DomainRecord, _ values: [String]) -> Verdict {
        let verdict = policy(record, values, "v=STSv1", tag: "id=")
        guard verdict.status == .ok, let found = verdict.found.first, let wanted = identifier(record.value) else {
            return verdict
        }
        guard identifier(found) == wanted else {
            return (.differs, verdict.found, instead(record, "The policy has changed, and senders hold to the old one"))
        }
        return verdict
    }

    private static func identifier(_ text: String) -> String? {
        text.utf8.split(separator: 59).map { String(decoding: $0.drop { $0 == 32 || $0 == 9 }, as: UTF8.self) }
            .first { starts($0, "id=") }
            .map { String(decoding: $0.utf8.dropFirst(3).prefix { $0 != 32 && $0 != 9 }, as: UTF8.self) }
    }

    /// Other keys may stand beside it: those of certificates that were or will be.
    private static func pin(_ record: DomainRecord, _ values: [String]) -> Verdict {
        guard !values.contains(where: { EmailAddress.lowercased($0).utf8.elementsEqual(record.value.utf8) }) else {
            return (.ok, values, "Nothing is to be done.")
        }
        guard !values.isEmpty else { return missing(record) }
        guard record.purpose == .tlsa else {
            return (
                .missing, values, "Publish it beside the present one before the certificate changes: \(shown(record))."
            )
        }
        return (.differs, values, instead(record, "Senders that check by DANE refuse the certificate that is served"))
    }

    private static func exact(_ record: DomainRecord, _ values: [String]) -> Verdict {
        guard !values.isEmpty else { return missing(record) }
        let wanted = EmailAddress.lowercased(record.value)
        guard values.contains(where: { EmailAddress.lowercased($0).utf8.elementsEqual(wanted.utf8) }) else {
            return (.differs, values, instead(record, "Programs are pointed elsewhere"))
        }
        return (.ok, values, "Nothing is to be done.")
    }

    static func starts(_ text: String, _ prefix: String) -> Bool {
        EmailAddress.lowercased(text).utf8.starts(with: EmailAddress.lowercased(prefix).utf8)
    }
}
