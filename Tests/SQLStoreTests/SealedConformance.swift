import MailModel
import MailPorts
import Testing

@testable import SQLStore

@Suite struct SealedConformance {
    /// Columns of octets, hashes apart, that hold nothing that the master key has sealed.
    private static let plain: Set<String> = [
        "app_passwords.scram_server_key", "app_passwords.scram_stored_key", "audit.chain", "avatars.octets",
        "dkim_keys.public_key", "domain_branding.logo", "emails.body_structure", "emails.envelope", "emails.prefix",
        "inline_bytes.data", "kept_answers.fingerprint", "kept_answers.ticket", "passkeys.credential", "passkeys.model",
        "passkeys.public_key", "queue_messages.data", "sieve_marks.mark",
    ]

    @Test func `every column of octets is known to be sealed or not`() {
        let columns = Set(Migration.all.flatMap(\.statements).flatMap(Self.byteColumns))
        #expect(
            columns.isSuperset(of: [
                "dkim_keys.sealed_private_key", "second_factors.sealed_secret", "zone_connections.sealed_secret",
            ])
        )
        #expect(columns.isSuperset(of: SealedPlace.others.keys))
        for column in columns where !column.hasSuffix("_hash") && !column.contains(".\(SealedPlace.prefix)") {
            #expect(
                Self.plain.contains(column) != (SealedPlace.others[column] != nil),
                "name \(column) \(SealedPlace.prefix)… when the master key seals it"
            )
        }
    }

    /// `table.column` of every column of octets that the statement makes.
    private static func byteColumns(_ statement: String) -> [String] {
        let words = statement.split { " \n(,".contains($0) }.map(String.init)
        guard words.count > 3 else { return [] }
        let table: String
        if words[0] == "CREATE", words[1] == "TABLE" {
            table = words[2]
        } else if words[0] == "ALTER", words[1] == "TABLE" {
            table = words[2]
        } else {
            return []
        }
        return words.indices.dropFirst().filter { words[$0].hasPrefix("{bytes}") }.map { "\(table).\(words[$0 - 1])" }
    }

    @Test(arguments: StoreFactory.all)
    func `sealed values are walked and put anew where they stand`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let ann = try await test.account("ann@shop.test")
        let keys = ["a", "b", "c"].map { name in
            DKIMKey(
                domain: "shop.test",
                selector: name,
                algorithm: .ed25519SHA256,
                sealedPrivateKey: Array("sealed \(name)".utf8),
                publicKey: [1],
                createdAt: test.clock.now()
            )
        }
        let audit = AuditEvent(at: test.clock.now(), actor: "cli", action: "dkim.import", subject: "shop.test")
        try await store.addKeys(keys, of: "shop.test", audit: audit)
        try await store.beginSecondFactor(of: ann.id, sealedSecret: [5, 5])
        _ = try await store.platformSecret("token-signing-key") { [7] }
        _ = try await store.platformSecret("scram-salt-key") { [8] }
        let answer = KeptAnswerKey(account: ann.id, hash: [1, 2], fingerprint: [3])
        _ = try await store.beginAnswer(answer, ticket: [4], limits: KeptAnswerLimits(), now: test.clock.now())
        var found: [String: [[UInt8]]] = [:]
        for column in try await store.sealedColumns() {
            var last: [SealedValue.Part]?
            while let value = try await store.sealedValues(in: column, after: last, limit: 1).first {
                found[column.name, default: []].append(value.sealed)
                last = value.place
            }
        }
        #expect(found["dkim_keys.sealed_private_key"] == keys.map(\.sealedPrivateKey))
        #expect(found["second_factors.sealed_secret"] == [[5, 5]] && found["platform_secrets.value"] == [[7]])
        #expect(found["kept_answers.answer"] == nil)

        try await store.keepAnswer(
            [9, 9],
            of: answer,
            ticket: [4],
            until: test.clock.now().adding(seconds: 60)
        )
        let answers = SealedColumn(name: "kept_answers.answer")
        let kept = try await store.sealedValues(in: answers, after: nil, limit: 9)
        #expect(kept.map(\.sealed) == [[9, 9]])
        #expect(try await store.reseal(kept.map { ($0, [6]) }, in: answers) == 1)
        // It is another one now.
        #expect(try await store.reseal(kept.map { ($0, [7]) }, in: answers) == 0)
        #expect(try await store.sealedValues(in: answers, after: nil, limit: 9).map(\.sealed) == [[6]])
        await #expect(throws: StoreError.notFound) {
            _ = try await store.sealedValues(in: SealedColumn(name: "accounts.role"), after: nil, limit: 1)
        }
    }
}
