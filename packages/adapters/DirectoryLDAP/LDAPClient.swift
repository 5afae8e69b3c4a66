import Logging
package import MailModel
package import MailPorts
import NIOPosix
import Synchronization

package struct LDAPClientOptions: Sendable {
    /// For a connection, and for each answer.
    package var seconds = 5
    /// Networks that are asked although they are not of the public Internet.
    package var networks: [IPNetwork] = []
    /// Takes connections without TLS to others than this machine.
    package var takesPlain = false
    /// Threads that ask, of the whole process.
    package var threads = 16
    /// Connections that wait for their next use, of one directory.
    package var idle = 4
    /// Entries of a page.
    package var page = 500
    package init() {}
}

/// Asks servers of LDAP (RFC 4511) through libldap, on threads of its own.
///
/// A name is resolved here and the connection goes to the address that was judged; the certificate is checked against the name.
package final class LDAPClient: Sendable {
    /// Addresses of one name that are tried.
    private static let mostAddresses = 3
    /// Connections are kept for so many directories.
    private static let mostPools = 1_000

    /// What a session is signed in as.
    private enum Use: Hashable { case service, people }
    private struct Key: Hashable {
        var domain: String
        var version: Int64
        var use: Use
    }
    /// Given from hand to hand: whoever has taken it out of the pool is the only one that uses it.
    private struct Kept: @unchecked Sendable { let session: LDAPSession }

    private let options: LDAPClientOptions
    private let resolver: @Sendable () async throws -> any DNSResolving
    private let pool: NIOThreadPool
    private let kept = Mutex<[Key: [Kept]]>([:])

    package init(_ options: LDAPClientOptions, resolver: @escaping @Sendable () async throws -> any DNSResolving) {
        self.options = options
        self.resolver = resolver
        pool = NIOThreadPool(numberOfThreads: options.threads)
        pool.start()
    }

    // MARK: - Judging

    private func mayReach(_ address: IPAddress) -> Bool {
        address.isPublic || options.networks.contains { $0.contains(address) }
    }

    /// What keeps a password from whoever listens; plain only where nobody can, or an operator has said so.
    private func protection(
        _ place: LDAPPlace,
        _ source: LDAPSource,
        at address: IPAddress
    ) throws(DirectoryFault)
        -> LDAPSession.Protection
    {
        if place.isSecure { return .tls }
        if source.startsTLS { return .startTLS }
        guard address.isLoopback || options.takesPlain else { throw .addressRefused }
        return .plain
    }

    package func objection(to source: LDAPSource) -> ConnectionObjection? {
        guard let place = LDAPPlace(source.url) else {
            return ConnectionObjection("url", "This is no address such as ldaps://directory.example.test.")
        }
        if let literal = place.literal, !mayReach(literal) {
            return ConnectionObjection("url", "Directories are asked at public addresses.")
        }
        let mayBePlain = options.takesPlain || place.literal?.isLoopback == true || place.host == "localhost"
        guard place.isSecure || source.startsTLS || mayBePlain else {
            return ConnectionObjection("start_tls", "Without TLS a directory is not asked.")
        }
        guard let filter = LDAPFilter(source.filter), filter.namesPerson else {
            return ConnectionObjection("filter", "It is a filter of RFC 4515 with {address} or {local}.")
        }
        if let admits = source.admits, LDAPFilter(admits) == nil {
            return ConnectionObjection("admits", "It is a filter of RFC 4515.")
        }
        return nil
    }

    // MARK: - Asking

    package func find(
        _ address: EmailAddress,
        _ source: LDAPSource,
        in directory: OpenDirectory
    ) async throws(DirectoryFault) -> [DirectoryEntry] {
        guard let filter = Self.filter(source, { $0.text(for: address) }) else { throw .malformed("filter") }
        let reading = LDAPReading(source: source, domain: directory.connection.domain)
        let found = try await with(.service, source, directory) { session throws(DirectoryFault) in
            // One more than is good, to see that there is more.
            try session.search(source.base, filter, reading.attributes, limit: 2)
        }
        // Only who has the address: a filter that is too wide yields nobody else.
        let entries = found.compactMap { reading.entry($0, asked: address) }
        guard found.count < 2 || entries.count != 1 else { return entries + entries }
        return entries
    }

    package func verify(
        _ password: String,
        of entry: DirectoryEntry?,
        _ source: LDAPSource,
        in directory: OpenDirectory
    ) async throws(DirectoryFault) -> Bool {
        guard !password.utf8.isEmpty else { return false }
        // Nobody's name, where somebody's would be: the server is asked as often.
        let name = entry?.key ?? "cn=oonrumail-nobody,\(source.base)"
        let answer = try await with(.people, source, directory) { session throws(DirectoryFault) in
            try session.bind(name, password)
        }
        return answer == .right && entry != nil
    }

    package func everyone(
        _ source: LDAPSource,
        in directory: OpenDirectory,
        atMost limit: Int
    ) async throws(DirectoryFault) -> [DirectoryEntry] {
        let domain = directory.connection.domain
        guard let filter = Self.filter(source, { $0.text(everybodyOf: domain) }) else { throw .malformed("filter") }
        let (reading, page) = (LDAPReading(source: source, domain: domain), options.page)
        return try await with(.service, source, directory) { session throws(DirectoryFault) in
            var entries: [DirectoryEntry] = []
            try session.walk(source.base, filter, reading.attributes, page: page) { found throws(DirectoryFault) in
                guard let entry = reading.entry(found, asked: nil) else { return }
                guard entries.count < limit else { throw .tooMany }
                entries.append(entry)
            }
            return entries
        }
    }

    private static func filter(_ source: LDAPSource, _ text: (LDAPFilter) -> String) -> String? {
        guard let filter = LDAPFilter(source.filter) else { return nil }
        guard let admits = source.admits else { return text(filter) }
        guard let admitting = LDAPFilter(admits) else { return nil }
        return "(&\(text(filter))\(text(admitting)))"
    }

    // MARK: - Sessions

    /// Does it with a kept session, or once more with a new one when that had died meanwhile.
    private func with<Value: Sendable>(
        _ use: Use,
        _ source: LDAPSource,
        _ directory: OpenDirectory,
        _ body: @escaping @Sendable (LDAPSession) throws(DirectoryFault) -> Value
    ) async throws(DirectoryFault) -> Value {
        let key = Key(domain: directory.connection.domain, version: directory.connection.version, use: use)
        guard let place = LDAPPlace(source.url) else { throw .malformed("url") }
        if let session = take(key) {
            do throws(DirectoryFault) {
                return try await run(session, key, body)
            } catch .unreachable {
                // The server closes what is idle: that is no failure of its.
                discard(key)
            }
        }
        let addresses = try await addresses(of: place)
        let (seconds, secret) = (Int32(options.seconds), directory.secret)
        let made = try await onThread { [self] () throws(DirectoryFault) in
            Kept(session: try open(place, source, addresses, use, secret, seconds))
        }
        return try await run(made, key, body)
    }

    private func run<Value: Sendable>(
        _ kept: Kept,
        _ key: Key,
        _ body: @escaping @Sendable (LDAPSession) throws(DirectoryFault) -> Value
    ) async throws(DirectoryFault) -> Value {
        try await onThread { [self] () throws(DirectoryFault) in
            let value = try body(kept.session)
            give(kept, key)
            return value
        }
    }

    private func open(
        _ place: LDAPPlace,
        _ source: LDAPSource,
        _ addresses: [IPAddress],
        _ use: Use,
        _ secret: String?,
        _ seconds: Int32
    ) throws(DirectoryFault) -> LDAPSession {
        var last = DirectoryFault.nameUnknown
        for address in addresses {
            let session: LDAPSession
            do throws(DirectoryFault) {
                let protection = try protection(place, source, at: address)
                let authorities = try AuthorityFile(source.authority)
                session = try LDAPSession.open(
                    try LDAPSocket.connect(address, port: place.port, seconds: seconds),
                    url: place.url,
                    protection: protection,
                    authorities: authorities.path,
                    seconds: seconds
                )
            } catch {
                last = error
                continue
            }
            guard use == .service, let name = source.bindName else { return session }
            guard try session.bind(name, secret ?? "") == .right else { throw .secretRefused }
            return session
        }
        throw last
    }

    /// Every address of the name may be asked, or none: one name leads to all of them.
    private func addresses(of place: LDAPPlace) async throws(DirectoryFault) -> [IPAddress] {
        let found: [IPAddress]
        if let literal = place.literal {
            found = [literal]
        } else {
            do {
                found = try await resolver().addresses(place.host).records
            } catch {
                throw .nameUnknown
            }
        }
        guard !found.isEmpty else { throw .nameUnknown }
        guard found.allSatisfy(mayReach) else { throw .addressRefused }
        return Array((found.filter(\.isIPv4) + found.filter { !$0.isIPv4 }).prefix(Self.mostAddresses))
    }

    private func onThread<Value: Sendable>(
        _ body: @escaping @Sendable () throws(DirectoryFault) -> Value
    ) async throws(DirectoryFault) -> Value {
        let result: Result<Value, DirectoryFault> = await withCheckedContinuation { continuation in
            pool.submit { _ in continuation.resume(returning: Result(catching: body)) }
        }
        return try result.get()
    }

    // MARK: - Kept sessions

    private func take(_ key: Key) -> Kept? {
        kept.withLock { kept in kept[key]?.popLast() }
    }

    /// Another version of the connection has other sessions; those of older ones go.
    private func give(_ session: Kept, _ key: Key) {
        guard !session.session.isLost else { return }
        let gone = kept.withLock { kept -> [Kept] in
            var gone: [Kept] = []
            if kept[key] == nil {
                for old in kept.keys where old.domain == key.domain && old.version < key.version {
                    gone += kept.removeValue(forKey: old) ?? []
                }
                if kept.count >= Self.mostPools, let any = kept.keys.first {
                    gone += kept.removeValue(forKey: any) ?? []
                }
            }
            guard kept[key, default: []].count < options.idle else { return gone + [session] }
            kept[key, default: []].append(session)
            return gone
        }
        // Closing speaks to the server: outside of the lock.
        _ = consume gone
    }

    private func discard(_ key: Key) {
        let gone = kept.withLock { $0.removeValue(forKey: key) }
        _ = consume gone
    }
}
