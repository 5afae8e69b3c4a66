package import MailCrypto
package import MailModel
package import MailPorts
import SenderAuth

/// Hosted domains: their signing keys and the records that their owners publish.
package struct DomainService: Sendable {
    let directory: any DirectoryStore
    let master: MasterKey
    private let rsaBits: Int
    let extras: OptionalRecords
    package let host: MailHost

    /// Private keys lie in the store sealed with `master`.
    ///
    /// - Parameters:
    ///   - rsaBits: of new RSA keys.
    ///   - extras: what is advised beside what mail needs.
    package init(
        directory: any DirectoryStore,
        master: MasterKey,
        host: MailHost,
        rsaBits: Int = 2_048,
        extras: OptionalRecords = OptionalRecords()
    ) {
        self.extras = extras
        self.rsaBits = rsaBits
        self.directory = directory
        self.master = master
        self.host = host
    }

    /// Adds the domain with new signing keys, one of each algorithm.
    ///
    /// `.alreadyExists` if any organisation has it, `.notFound` for an unknown organisation, `.refused` for what is no
    /// domain name.
    package func addDomain(
        _ name: String,
        organisation: OrganisationID,
        actor: DomainLife.Actor,
        now: Timestamp
    ) async throws(StoreError) -> HostedDomain {
        let hosted = try Self.checked(name)
        // Before keys are made for nothing; the store decides again in its transaction.
        guard try await directory.domain(named: hosted) == nil else { throw .alreadyExists }
        let keys = try await makeKeys(for: hosted, now: now)
        return try await directory.addDomain(
            hosted,
            organisation: organisation,
            keys: keys,
            audit: AuditEvent(at: now, actor: actor.name, action: "domain.add", subject: hosted, remote: actor.remote)
        )
    }

    /// Those that mail needs and those that are advised; `.notFound` when the domain is not hosted here.
    package func records(of domain: String) async throws(StoreError) -> [DomainRecord] {
        let name = EmailAddress.lowercased(domain)
        guard let hosted = try await directory.domain(named: name) else { throw .notFound }
        return DomainRecords.records(
            of: hosted.name,
            keys: try await directory.dkimKeys(of: hosted.name).filter { $0.state != .retired },
            host: host,
            extras: extras
        )
    }

    /// The same as a zone file (RFC 1035 §5).
    package func zoneFile(of domain: String) async throws(StoreError) -> String {
        ZoneFile.text(try await records(of: domain))
    }

    // MARK: - Keys

    static func checked(_ name: String) throws(StoreError) -> String {
        do throws(HostedName.Fault) {
            return try HostedName(name).text
        } catch {
            throw .refused(error.rawValue)
        }
    }

    /// One of each algorithm, by selectors that are not taken, or by that selector.
    ///
    /// Takes a quarter of a second for RSA: not on the caller's event loop.
    @concurrent
    func makeKeys(
        for domain: String,
        _ algorithms: [DKIMKey.Algorithm] = DKIMKey.Algorithm.allCases,
        state: DKIMKey.State = .signing,
        now: Timestamp,
        besides taken: Set<String> = [],
        selector: String? = nil
    ) async throws(StoreError) -> [DKIMKey] {
        var keys: [DKIMKey] = []
        for algorithm in algorithms {
            do throws(CryptoError) {
                let key = try DKIMPrivateKey.make(algorithm, rsaBits: rsaBits)
                keys.append(
                    DKIMKey(
                        domain: domain,
                        selector: selector ?? Self.selector(algorithm, now, besides: taken),
                        algorithm: algorithm,
                        sealedPrivateKey: try key.sealed(with: master),
                        publicKey: try key.publicKey(),
                        createdAt: now,
                        state: state
                    )
                )
            } catch {
                throw .unavailable(reportID: "dkim-keygen")
            }
        }
        return keys
    }

    /// The day, and a number where the day has one already.
    static func selector(_ algorithm: DKIMKey.Algorithm, _ now: Timestamp, besides taken: Set<String>) -> String {
        let first = selector(algorithm, now)
        var number = 2
        var name = first
        while taken.contains(name) {
            name = "\(first)-\(number)"
            number += 1
        }
        return name
    }

    /// `rsa20260131`, `ed20260131`: the day on which the key was made, so that nobody has to guess which of two is older.
    static func selector(_ algorithm: DKIMKey.Algorithm, _ now: Timestamp) -> String {
        let prefix =
            switch algorithm {
            case .rsaSHA256: "rsa"
            case .ed25519SHA256: "ed"
            }
        return prefix + CalendarDay(now).compact
    }
}
