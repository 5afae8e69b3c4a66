import Logging
package import MailModel
package import MailPorts
import NIOPosix
import OpenIDWire
import Synchronization

package struct SQLDirectoryOptions: Sendable {
    /// For a connection, and for each statement.
    package var seconds = 5
    /// Threads that ask, of the whole process.
    package var threads = 8
    /// Connections that wait for their next use, of one directory.
    package var idle = 4
    /// Rows of a page.
    package var page = 500
    package init() {}
}

/// Asks databases for people: operators alone name them.
package final class SQLDirectory: Sendable {
    private struct Key: Hashable {
        var domain: String
        var version: Int64
    }
    /// Given from hand to hand: whoever has taken it out of the pool is the only one that uses it.
    private struct Kept: @unchecked Sendable { let reader: any SQLReading }

    /// Connects to a database by its address, which holds the password.
    package typealias Open = @Sendable (_ address: String, _ seconds: Int) throws(DirectoryFault) -> any SQLReading

    private let options: SQLDirectoryOptions
    private let isAddress: @Sendable (String) -> Bool
    private let open: Open
    private let pool: NIOThreadPool
    private let kept = Mutex<[Key: [Kept]]>([:])
    private let logger = Logger(label: "directory")

    package init(
        _ options: SQLDirectoryOptions,
        isAddress: @escaping @Sendable (String) -> Bool,
        open: @escaping Open
    ) {
        (self.options, self.isAddress, self.open) = (options, isAddress, open)
        pool = NIOThreadPool(numberOfThreads: options.threads)
        pool.start()
    }

    package func objection(to source: SQLSource, secret: String?) -> ConnectionObjection? {
        guard let secret, isAddress(secret) else {
            return ConnectionObjection(
                "secret",
                "It is the database's address: postgres://user:password@host/database."
            )
        }
        let queries = [
            ("person_query", source.personQuery), ("password_query", source.passwordQuery),
            ("people_query", source.peopleQuery ?? source.personQuery),
        ]
        for (field, text) in queries where SQLQuery(text) == nil {
            return ConnectionObjection(
                field,
                "It is one SELECT; {address}, {local}, {domain}, {after} and {limit} are its parameters."
            )
        }
        return nil
    }

    // MARK: - Asking

    package func find(
        _ address: EmailAddress,
        _ source: SQLSource,
        in directory: OpenDirectory
    ) async throws(DirectoryFault) -> [DirectoryEntry] {
        let rows = try await rows(source.personQuery, Self.values(address), atMost: 2, directory)
        var entries: [DirectoryEntry] = []
        for row in rows { if let entry = try entry(row, directory, asked: address) { entries.append(entry) } }
        return rows.count > 1 && entries.count == 1 ? entries + entries : entries
    }

    package func verify(
        _ password: String,
        of entry: DirectoryEntry?,
        _ source: SQLSource,
        in directory: OpenDirectory
    ) async throws(DirectoryFault) -> Bool {
        guard !password.utf8.isEmpty else { return false }
        let domain = directory.connection.domain
        let asked = entry?.address ?? EmailAddress(uncheckedLocalPart: "oonrumail-nobody", domain: domain)
        let rows = try await rows(source.passwordQuery, Self.values(asked), atMost: 2, directory)
        guard entry != nil, rows.count == 1, let row = rows.first else { return false }
        guard let hash = row["password"]?.text else {
            // NULL: who has none does not sign in. Without the column the query is wrong.
            guard row["password"] != nil else { throw .malformed("password_query") }
            return false
        }
        let verdict = try await onThread { () throws(DirectoryFault) in PasswordScheme.verify(password, against: hash) }
        switch verdict {
        case .right: return true
        case .wrong: return false
        case .unknown(let scheme):
            logger.error(
                "a directory has a password whose scheme is not known",
                metadata: ["domain": "\(domain)", "scheme": "\(scheme)"]
            )
            throw .malformed("password_scheme")
        }
    }

    package func everyone(
        _ source: SQLSource,
        in directory: OpenDirectory,
        atMost limit: Int
    ) async throws(DirectoryFault) -> [DirectoryEntry] {
        guard let query = source.peopleQuery else { throw .malformed("people_query") }
        let domain = directory.connection.domain
        var entries: [DirectoryEntry] = []
        var after = ""
        while true {
            let values = SQLQuery.values(address: "", local: "", domain: domain, after: after, limit: options.page)
            let rows = try await rows(query, values, atMost: options.page, directory)
            for row in rows { if let entry = try entry(row, directory, asked: nil) { entries.append(entry) } }
            guard entries.count <= limit else { throw .tooMany }
            guard rows.count == options.page, let last = rows.last?["address"]?.text else { return entries }
            // A query that does not look at {after} would go round for ever.
            guard last != after else { throw .malformed("people_query") }
            after = last
        }
    }

    private static func values(_ address: EmailAddress) -> SQLParameters {
        SQLQuery.values(
            address: "\(EmailAddress.lowercased(address.localPart))@\(address.domain)",
            local: EmailAddress.lowercased(address.localPart),
            domain: address.domain
        )
    }

    /// nil for who has no address of the domain, or not the one that was asked for.
    private func entry(
        _ row: JSONValue,
        _ directory: OpenDirectory,
        asked: EmailAddress?
    ) throws(DirectoryFault) -> DirectoryEntry? {
        guard let main = row["address"]?.text else { throw .malformed("address") }
        let aliases = row["aliases"]?.texts ?? row["aliases"]?.text.map(Self.words) ?? []
        let all = ([main] + aliases).compactMap { text -> EmailAddress? in
            guard let address = EmailAddress(text) else { return nil }
            return address.domain == directory.connection.domain ? address : nil
        }
        if let asked, !all.contains(where: { $0.canonical == asked.canonical }) { return nil }
        guard let first = all.first else { return nil }
        var entry = DirectoryEntry(key: first.canonical, address: first)
        switch row["person_id"] {
        case .text(let text)?: entry.identity = DirectoryText.identity(Array(text.utf8))
        case .number(let number)?: entry.identity = "\(number)"
        case .null?, nil: ()
        case .otherNumber?, .truth?, .list?, .object?: throw .malformed("person_id")
        }
        var seen: Set<String> = [first.canonical]
        entry.aliases = all.dropFirst().filter { seen.insert($0.canonical).inserted }
        entry.name = DirectoryText.name(row["name"]?.text)
        entry.language = DirectoryText.language(row["language"]?.text)
        if let quota = row["quota_bytes"]?.number, quota >= 0 { entry.quotaBytes = quota }
        switch row["disabled"] {
        case .truth(let flag)?: entry.isDisabled = flag
        case .number(let number)?: entry.isDisabled = number != 0
        case .text(let text)?: entry.isDisabled = DirectoryText.isDisabled("disabled", [text])
        case .otherNumber?, .null?, .list?, .object?, nil: ()
        }
        return entry
    }

    private static func words(_ text: String) -> [String] {
        text.utf8.split { $0 == 32 || $0 == 44 }.map { String(decoding: $0, as: UTF8.self) }
    }

    // MARK: - Rows

    private func rows(
        _ text: String,
        _ values: SQLParameters,
        atMost limit: Int,
        _ directory: OpenDirectory
    ) async throws(DirectoryFault) -> [JSONValue] {
        guard let query = SQLQuery(text) else { throw .malformed("query") }
        guard let url = directory.secret else { throw .secretRefused }
        let key = Key(domain: directory.connection.domain, version: directory.connection.version)
        let texts: [String?]
        if let old = take(key) {
            do throws(DirectoryFault) {
                texts = try await read(old, key, query, values, limit)
            } catch .unreachable {
                texts = try await read(nil, key, query, values, limit, url)
            }
        } else {
            texts = try await read(nil, key, query, values, limit, url)
        }
        return try texts.map { text throws(DirectoryFault) in
            guard let row = text.flatMap({ JSONValue(Array($0.utf8)) }) else { throw .malformed("row") }
            return row
        }
    }

    private func read(
        _ old: Kept?,
        _ key: Key,
        _ query: SQLQuery,
        _ values: SQLParameters,
        _ limit: Int,
        _ url: String = ""
    ) async throws(DirectoryFault) -> [String?] {
        let seconds = options.seconds
        return try await onThread { [self] () throws(DirectoryFault) in
            let kept: Kept
            if let old { kept = old } else { kept = Kept(reader: try open(url, seconds)) }
            do throws(DirectoryFault) {
                let texts = try kept.reader.texts(query.wrapped, values, atMost: limit)
                give(kept, key)
                return texts
            } catch {
                if !kept.reader.isLost { give(kept, key) }
                throw error
            }
        }
    }

    private func onThread<Value: Sendable>(
        _ body: @escaping @Sendable () throws(DirectoryFault) -> Value
    ) async throws(DirectoryFault) -> Value {
        let result: Result<Value, DirectoryFault> = await withCheckedContinuation { continuation in
            pool.submit { _ in continuation.resume(returning: Result(catching: body)) }
        }
        return try result.get()
    }

    private func take(_ key: Key) -> Kept? { kept.withLock { $0[key]?.popLast() } }

    private func give(_ reader: Kept, _ key: Key) {
        let gone = kept.withLock { kept -> [Kept] in
            var gone: [Kept] = []
            if kept[key] == nil {
                for old in kept.keys where old.domain == key.domain && old.version < key.version {
                    gone += kept.removeValue(forKey: old) ?? []
                }
            }
            guard kept[key, default: []].count < options.idle else { return gone + [reader] }
            kept[key, default: []].append(reader)
            return gone
        }
        _ = consume gone
    }
}
