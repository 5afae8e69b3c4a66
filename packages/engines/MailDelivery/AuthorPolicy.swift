import ByteParsing
import MailModel
import MailPorts

/// What the owner of an author's domain asks receivers to do with mail that is not proved to be its own (RFC 7489 §6.3).
struct AuthorPolicy: Sendable {
    /// Seconds for all the lookups about one author.
    static let patience = Duration.seconds(5)
    /// Names asked for one author: its domain, and those above it.
    static let maximumLookups = 4

    /// nil: nothing can be known, which counts as a strict policy.
    let resolver: (any DNSResolving)?

    /// Whether mail from the domain that comes by way of others is refused or set aside; also when DNS does not tell.
    func isStrict(_ domain: String) async -> Bool {
        guard let resolver else { return true }
        return await withTaskGroup(of: Bool?.self) { group in
            group.addTask { await Self.look(domain, resolver) }
            group.addTask {
                try? await Task.sleep(for: Self.patience)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next().flatMap { $0 } ?? true
        }
    }

    /// nil: DNS does not tell.
    private static func look(_ domain: String, _ resolver: any DNSResolving) async -> Bool? {
        let labels = domain.utf8.split(separator: ASCII.dot)
        guard labels.count >= 2 else { return nil }
        let first = max(1, labels.count - maximumLookups)
        // The domain itself, then those above it down to two labels.
        let starts = [0] + Array(first..<max(first, labels.count - 1))
        for start in starts where !Task.isCancelled {
            let name = labels[start...].map { String(decoding: $0, as: UTF8.self) }.joined(separator: ".")
            do throws(DNSError) {
                let records = try await resolver.txt("_dmarc.\(name)").records
                // RFC 7489 §6.6.3: other records are none, and several cancel each other.
                let policies = records.compactMap { policy($0, isAbove: start > 0) }
                if policies.count == 1 { return policies[0] }
            } catch .noSuchName, .invalidName {
                continue
            } catch {
                return nil
            }
        }
        return Task.isCancelled ? nil : false
    }

    /// `v=DMARC1; p=quarantine; sp=none`: whether it is strict; nil for another record.
    static func policy(_ record: String, isAbove: Bool) -> Bool? {
        let tags = record.utf8.split(separator: ASCII.semicolon).map { tag in
            tag.split(separator: ASCII.equal, maxSplits: 1, omittingEmptySubsequences: false).map { part in
                EmailAddress.lowercased(
                    String(decoding: part.filter { !$0.isASCIIWhitespace }, as: UTF8.self)
                )
            }
        }
        guard tags.first == ["v", "dmarc1"] else { return nil }
        let own = tags.first { $0.count == 2 && $0[0] == "p" }?[1]
        let below = tags.first { $0.count == 2 && $0[0] == "sp" }?[1]
        guard let wanted = isAbove ? below ?? own : own else { return false }
        return wanted == "quarantine" || wanted == "reject"
    }
}
