package import MailCrypto
package import MailModel
package import MailPorts
import Synchronization

/// Signs submitted mail with every key of its domain.
///
/// Keys out of their seals are kept for `lifetimeSeconds`, at most `capacity` domains of them.
package final class DKIMMessageSigner: Sendable {
    private struct Entry {
        var signers: [DKIMSigner]
        var until: Timestamp
    }

    private let directory: any DirectoryStore
    private let master: MasterKey
    private let clock: any WallClock
    private let capacity: Int
    private let lifetimeSeconds: Int64
    private let cache = Mutex<[String: Entry]>([:])

    package init(
        directory: any DirectoryStore,
        master: MasterKey,
        clock: any WallClock,
        capacity: Int = 1_000,
        lifetimeSeconds: Int64 = 60
    ) {
        self.directory = directory
        self.master = master
        self.clock = clock
        self.capacity = capacity
        self.lifetimeSeconds = lifetimeSeconds
    }

    /// DKIM-Signature fields to be put before the message, each with its CRLF; empty for a domain without keys.
    ///
    /// Throws `.damaged` when a key does not come out of its seal: unsigned mail would be refused or distrusted elsewhere.
    ///
    /// The message is header and body, its lines ended by CRLF; it is not copied.
    package func sign(_ message: [UInt8], domain: String) async throws(StoreError) -> [UInt8] {
        let name = EmailAddress.lowercased(domain)
        let now = clock.now()
        let signers = try await signers(of: name, now: now)
        guard !signers.isEmpty else { return [] }
        return try await Self.sign(message, bodyHash: nil, with: signers, now: now)
    }

    /// The same for a message that is not in memory.
    ///
    /// The header may end before the empty line or with it; the hash is that of a relaxed `DKIMBodyHasher` which was
    /// fed what follows the empty line.
    package func sign(header: [UInt8], bodyHash: [UInt8], domain: String) async throws(StoreError) -> [UInt8] {
        precondition(bodyHash.count == 32, "a SHA-256 has 32 octets")
        let name = EmailAddress.lowercased(domain)
        let now = clock.now()
        let signers = try await signers(of: name, now: now)
        guard !signers.isEmpty else { return [] }
        return try await Self.sign(header, bodyHash: bodyHash, with: signers, now: now)
    }

    /// Hashing and RSA take milliseconds: not on the caller's event loop.
    @concurrent
    private static func sign(
        _ message: [UInt8],
        bodyHash: [UInt8]?,
        with signers: [DKIMSigner],
        now: Timestamp
    ) async throws(StoreError) -> [UInt8] {
        let header = DKIMHeader(message)
        let bodyHash = bodyHash ?? DKIMSigner.bodyHash(header)
        var fields: [UInt8] = []
        for signer in signers {
            do throws(CryptoError) {
                fields += try signer.sign(header, bodyHash: bodyHash, now: now)
            } catch {
                throw .damaged(reportID: "dkim-\(signer.selector)")
            }
        }
        return fields
    }

    private func signers(of domain: String, now: Timestamp) async throws(StoreError) -> [DKIMSigner] {
        if let entry = cache.withLock({ $0[domain] }), now < entry.until { return entry.signers }
        var signers: [DKIMSigner] = []
        for key in try await directory.signingKeys(of: domain) {
            do throws(CryptoError) {
                let opened = try DKIMPrivateKey(unsealing: key, with: master)
                signers.append(DKIMSigner(domain: domain, selector: key.selector, key: opened))
            } catch {
                throw .damaged(reportID: "dkim-\(key.selector)")
            }
        }
        let entry = Entry(signers: signers, until: now.adding(seconds: lifetimeSeconds))
        cache.withLock { cache in
            if cache.count >= capacity { cache = cache.filter { now < $0.value.until } }
            if cache.count >= capacity, let any = cache.keys.first { cache[any] = nil }
            cache[domain] = entry
        }
        return signers
    }
}
