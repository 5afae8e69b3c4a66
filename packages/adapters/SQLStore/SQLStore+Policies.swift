import Database
import FoundationEssentials
package import MailModel
package import MailPorts

extension SQLStore: PolicyStore {
    /// Versions of one domain that are kept.
    private static let keptVersions: Int64 = 50

    package func policy(ofDomain name: String) async throws(StoreError) -> DomainPolicy? {
        let name = EmailAddress.lowercased(name)
        switch policies.known(name) {
        case .none: return nil
        case .policy(let policy): return policy
        case .version, .unknown: break
        }
        let found = try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT policy_version, document FROM domains LEFT JOIN domain_policies
                ON domain_policies.domain = domains.name AND domain_policies.version = policy_version WHERE name = $1
                """,
                [.text(name)]
            ) { row throws(StoreError) in (version: row.optionalInteger(0), text: row.optionalText(1)) }
        }
        policies.note(name, version: found?.version)
        guard let version = found?.version else { return nil }
        let policy = try decode(found?.text, name)
        policies.keep(name, version: version, policy)
        return policy
    }

    package func policyRecord(ofDomain name: String) async throws(StoreError) -> PolicyRecord {
        let name = EmailAddress.lowercased(name)
        let found = try await database.read { connection throws(StoreError) in
            try Self.policyRow(name, connection)
        }
        guard let found else { throw .notFound }
        guard let version = found.version else {
            return PolicyRecord(version: 0, policy: DomainPolicy(), changedAt: nil)
        }
        return PolicyRecord(
            version: version,
            policy: try decode(found.text, name),
            changedAt: found.changedAt.map { Timestamp(microseconds: $0) }
        )
    }

    static func policyRow(
        _ name: String,
        _ connection: any SQLConnection
    ) throws(StoreError) -> (version: Int64?, text: String?, changedAt: Int64?)? {
        try connection.first(
            """
            SELECT policy_version, document, changed_at FROM domains LEFT JOIN domain_policies
            ON domain_policies.domain = domains.name AND domain_policies.version = policy_version
            WHERE name = $1 AND status <> 'deleted'
            """,
            [.text(name)]
        ) { row throws(StoreError) in
            (version: row.optionalInteger(0), text: row.optionalText(1), changedAt: row.optionalInteger(2))
        }
    }

    package func setPolicy(
        _ policy: DomainPolicy,
        ofDomain name: String,
        replacing expected: Int64?,
        audit: AuditEvent
    ) async throws(StoreError) -> PolicyRecord {
        let name = EmailAddress.lowercased(name)
        let text = try Self.text(of: policy)
        let now = clock.now()
        let version = try await database.write { connection throws(StoreError) in
            let present = try connection.first(
                """
                SELECT COALESCE(policy_version, 0), (
                    SELECT document FROM domain_policies WHERE domain = name AND version = policy_version
                ) FROM domains WHERE name = $1 AND status <> 'deleted'\(connection.dialect.forUpdate)
                """,
                [.text(name)]
            ) { row throws(StoreError) in (version: row.integer(0), text: row.optionalText(1)) }
            guard let present else { throw .notFound }
            guard expected == nil || expected == present.version else { throw .alreadyExists }
            let version = present.version + 1
            try connection.execute(
                "INSERT INTO domain_policies (domain, version, document, changed_at) VALUES ($1, $2, $3, $4)",
                [.text(name), .integer(version), .text(text), .integer(now.microseconds)]
            )
            try connection.execute(
                "DELETE FROM domain_policies WHERE domain = $1 AND version <= $2",
                [.text(name), .integer(version - Self.keptVersions)]
            )
            try connection.execute(
                "UPDATE domains SET policy_version = $2 WHERE name = $1",
                [.text(name), .integer(version)]
            )
            var event = audit
            event.detail = "{\"version\":\(version),\"before\":\(present.text ?? "{}"),\"after\":\(text)}"
            try Self.record(event, connection)
            return version
        }
        policies.note(name, version: version)
        policies.keep(name, version: version, policy)
        return PolicyRecord(version: version, policy: policy, changedAt: now)
    }

    /// A policy that does not read rules nothing out by itself: mail waits until an operator has looked.
    func decode(_ text: String?, _ domain: String) throws(StoreError) -> DomainPolicy {
        do {
            return try JSONDecoder().decode(DomainPolicy.self, from: Data((text ?? "").utf8))
        } catch {
            throw .damaged(reportID: reports.report("the policy of \(domain) does not read", cause: "\(error)"))
        }
    }

    private static func text(of policy: DomainPolicy) throws(StoreError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(policy), as: UTF8.self)
        } catch {
            throw .refused("the policy cannot be written")
        }
    }

    // MARK: - Retention

    package func domainsWithRetention() async throws(StoreError) -> [(name: String, retention: DomainPolicy.Retention)]
    {
        let rows = try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT name, document FROM domains JOIN domain_policies
                ON domain_policies.domain = domains.name AND domain_policies.version = policy_version
                WHERE status = 'active' ORDER BY name
                """
            ) { row throws(StoreError) in (name: row.text(0), text: row.text(1)) }
        }
        var found: [(name: String, retention: DomainPolicy.Retention)] = []
        for row in rows {
            guard let retention = try decode(row.text, row.name).retention else { continue }
            found.append((name: row.name, retention: retention))
        }
        return found
    }

    package func expire(
        _ use: SpecialUse,
        ofDomain name: String,
        before: Timestamp,
        from first: AccountID,
        limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> (account: AccountID, count: Int)? {
        let (now, name) = (clock.now(), EmailAddress.lowercased(name))
        let place = try await database.read(.recent) { connection throws(StoreError) in
            try connection.first(
                """
                SELECT mailboxes.account_id, mailboxes.mailbox_id FROM accounts JOIN mailboxes
                ON mailboxes.account_id = accounts.account_id AND special_use = $2
                WHERE accounts.domain = $1 AND accounts.account_id >= $4 AND mailboxes.messages > 0 AND EXISTS (
                    SELECT 1 FROM messages WHERE messages.account_id = mailboxes.account_id
                    AND messages.mailbox_id = mailboxes.mailbox_id AND saved_at < $3
                ) ORDER BY mailboxes.account_id LIMIT 1
                """,
                [
                    .text(name), .text(use.rawValue), .integer(before.microseconds), .integer(first.rawValue),
                ]
            ) { row throws(StoreError) in (account: AccountID(row.integer(0)), mailbox: MailboxID(row.integer(1))) }
        }
        guard let place else { return nil }
        // Alone in its transaction: what would come behind it could wait for a row while this holds the turn of the trail.
        let gone = try await database.write { connection throws(StoreError) in
            let uids = try connection.all(
                """
                SELECT uid FROM messages WHERE account_id = $1 AND mailbox_id = $2 AND saved_at < $3 ORDER BY uid LIMIT $4
                """,
                [
                    .integer(place.account.rawValue), .integer(place.mailbox.rawValue), .integer(before.microseconds),
                    .integer(Int64(limit)),
                ]
            ) { row throws(StoreError) in UID(UInt32(clamping: row.integer(0))) }
            guard !uids.isEmpty else { return (count: 0, modSeq: ModSeq(0)) }
            let mover = MessageMover(connection: connection, account: place.account, now: now)
            let expunged = try mover.expunge(
                UIDRanges(ascending: uids),
                in: place.mailbox,
                onlyDeleted: false,
                isMove: false
            )
            guard !expunged.uids.isEmpty else { return (count: 0, modSeq: ModSeq(0)) }
            var audit = audit
            audit.detail =
                AuditDetail().adding("domain", name).adding("folder", use.rawValue)
                .adding("before", before.seconds).adding("messages", Int64(expunged.uids.count)).text
            try Self.record(audit, about: place.account, connection)
            return (count: expunged.uids.count, modSeq: expunged.modSeq)
        }
        if gone.count > 0 {
            feed.publish([Change(account: place.account, mailbox: place.mailbox, modSeq: gone.modSeq)])
        }
        return (place.account, gone.count)
    }
}
