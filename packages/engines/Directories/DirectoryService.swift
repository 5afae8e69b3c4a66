import Logging
package import MailModel
package import MailPorts
import Metrics
import Synchronization

/// Passwords and recipients of domains whose people come from a directory.
///
/// Invariants: a connection opens accounts of its own domain only, and makes none elsewhere; exactly one entry, which has the very
/// address, is somebody; a directory that does not answer has said nothing.
package final class DirectoryService: PeopleDirectories {
    package let store: any PeopleDirectoryStore
    let directory: any DirectoryStore
    let asking: any PeopleDirectoryAsking
    let secrets: any SecretSealing
    let gate: DirectoryGate
    package let limits: DirectoryLimits
    let defaultQuota: Int64?
    private let clock: any WallClock
    let logger = Logger(label: "directory")
    /// Recipients that nobody is, each until when.
    private let absent = Mutex<[String: Timestamp]>([:])

    package init(
        store: any PeopleDirectoryStore,
        directory: any DirectoryStore,
        asking: any PeopleDirectoryAsking,
        secrets: any SecretSealing,
        limits: DirectoryLimits,
        defaultQuota: Int64?,
        clock: any WallClock
    ) {
        self.store = store
        self.directory = directory
        self.asking = asking
        self.secrets = secrets
        self.limits = limits
        self.defaultQuota = defaultQuota
        self.clock = clock
        gate = DirectoryGate(limits)
    }

    package func connection(covering domain: String) async throws(StoreError) -> DirectoryConnection? {
        guard EmailAddress.isDomain(domain.utf8) else { return nil }
        return try await store.directoryConnection(covering: domain)
    }

    package func isFormer(_ address: EmailAddress) async throws(StoreError) -> Bool {
        try await store.isFormerAddress(address)
    }

    // MARK: - Passwords

    package func check(
        _ password: String,
        of address: EmailAddress,
        by connection: DirectoryConnection,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(StoreError) -> DirectoryVerdict {
        let own = EmailAddress(uncheckedLocalPart: address.localPart, domain: connection.domain)
        let entry: DirectoryEntry
        do throws(DirectoryFault) {
            let open = try opened(connection)
            let found = try await ask(connection, now: now) { [asking] () async throws(DirectoryFault) in
                try await asking.find(own, in: open)
            }
            let isSomebody = found.count == 1 && !found[0].isDisabled
            let isRight = try await ask(connection, now: now) { [asking] () async throws(DirectoryFault) in
                try await asking.verify(password, of: isSomebody ? found[0] : nil, in: open)
            }
            guard isSomebody else {
                return .refused(found.isEmpty ? "not in the directory" : found.count > 1 ? "two entries" : "disabled")
            }
            guard isRight else { return .refused("wrong password") }
            entry = found[0]
        } catch {
            note(error, connection.domain)
            return .unavailable
        }
        let admission = try await admit(entry, connection, remote: remote, actor: entry.address.canonical, now: now)
        guard case .admitted(let account, _) = admission else { return .refused(admission.code) }
        return .right(account)
    }

    func admit(
        _ entry: DirectoryEntry,
        _ connection: DirectoryConnection,
        updates: Bool = false,
        remote: IPAddress? = nil,
        actor: String,
        now: Timestamp
    ) async throws(StoreError) -> DirectoryAdmission {
        try await store.admit(
            entry,
            by: connection,
            making: try await newAccount(entry, connection),
            updates: updates,
            audit: AuditEvent(
                at: now,
                actor: actor,
                action: "directory.link",
                subject: connection.domain,
                remote: remote
            )
        )
    }

    private func newAccount(
        _ entry: DirectoryEntry,
        _ connection: DirectoryConnection
    ) async throws(StoreError) -> NewAccount? {
        guard connection.makesAccounts, !entry.isDisabled,
            let domain = try await directory.domain(named: connection.domain), domain.status == .active
        else { return nil }
        return NewAccount(
            organisation: domain.organisation,
            address: entry.address,
            displayName: entry.name,
            role: .member,
            passwordHash: nil,
            quotaBytes: entry.quotaBytes ?? connection.quotaBytes ?? defaultQuota
        )
    }

    // MARK: - Recipients

    package func recipient(_ address: EmailAddress) async throws(StoreError) -> DirectoryRecipient {
        let now = clock.now()
        guard let connection = try await connection(covering: address.domain), connection.makesAccounts else {
            return .nobody
        }
        let own = EmailAddress(uncheckedLocalPart: address.localPart, domain: connection.domain)
        // Another version of the connection may find whom the one before did not.
        let name = "\(connection.version) \(own.canonical)"
        if absent.withLock({ ($0[name] ?? now) > now }) { return .nobody }
        let found: [DirectoryEntry]
        do throws(DirectoryFault) {
            let open = try opened(connection)
            found = try await ask(connection, now: now) { [asking] () async throws(DirectoryFault) in
                try await asking.find(own, in: open)
            }
        } catch {
            note(error, connection.domain)
            return .unavailable
        }
        if found.count == 1, !found[0].isDisabled {
            let admission = try await admit(found[0], connection, actor: "system", now: now)
            switch admission {
            case .admitted: return .made
            // Somebody was faster, or changed the connection: the next look sees what there is.
            case .addressTaken, .connectionChanged: return .made
            case .noAccount, .anotherPerson, .otherDomain, .roleAbove, .suspended: ()
            }
        }
        remember(name, until: now.adding(seconds: limits.absentSeconds), now: now)
        return .nobody
    }

    private func remember(_ name: String, until end: Timestamp, now: Timestamp) {
        absent.withLock { absent in
            if absent.count >= limits.absentCapacity { absent = absent.filter { $0.value > now } }
            if absent.count >= limits.absentCapacity { absent.removeAll(keepingCapacity: true) }
            absent[name] = end
        }
    }

    // MARK: - Asking

    func opened(_ connection: DirectoryConnection) throws(DirectoryFault) -> OpenDirectory {
        guard let sealed = connection.sealedSecret else { return OpenDirectory(connection, secret: nil) }
        guard let plain = secrets.open(sealed) else { throw .sealedOtherwise }
        return OpenDirectory(connection, secret: String(decoding: plain, as: UTF8.self))
    }

    func ask<Value: Sendable>(
        _ connection: DirectoryConnection,
        isForced: Bool = false,
        now: Timestamp,
        _ question: @Sendable () async throws(DirectoryFault) -> Value
    ) async throws(DirectoryFault) -> Value {
        let kind = connection.source.kind
        do throws(DirectoryFault) {
            let value = try await gate.through(connection.domain, isForced: isForced, now: now, question)
            Self.count(kind, "answered")
            return value
        } catch {
            Self.count(kind, error.code)
            throw error
        }
    }

    private static func count(_ kind: String, _ outcome: String) {
        Counter(label: "oonrumail_directory_questions_total", dimensions: [("kind", kind), ("outcome", outcome)])
            .increment()
    }

    func note(_ fault: DirectoryFault, _ domain: String) {
        logger.warning("a directory gives no answer", metadata: ["domain": "\(domain)", "why": "\(fault.code)"])
    }
}
