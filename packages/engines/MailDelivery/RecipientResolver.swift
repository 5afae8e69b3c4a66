package import MailModel
package import MailPorts

/// Decides at RCPT whether a recipient is taken, and follows aliases to accounts, lists and foreign addresses.
package struct RecipientResolver: Sendable {
    /// Aliases that lead to aliases.
    package static let maximumNesting = 10
    /// Targets of one recipient.
    package static let maximumTargets = 1_000

    private let directory: any DirectoryStore
    private let addresses: any AddressStore
    private let lists: ListExpander
    private let hostname: String
    private let people: (any PeopleDirectories)?

    /// - Parameters:
    ///   - hostname: the name that this host greets with.
    ///   - people: directories of domains, asked for who is unknown here; nil: there are none.
    package init(
        directory: any DirectoryStore,
        addresses: any AddressStore & ListStore,
        hostname: String,
        people: (any PeopleDirectories)? = nil
    ) {
        self.people = people
        self.directory = directory
        self.addresses = addresses
        self.hostname = hostname
        lists = ListExpander(directory: directory, lists: addresses)
    }

    /// - Parameters:
    ///   - mayRelay: the client has signed in and may send anywhere.
    ///   - poster: who writes, for lists that not everybody may write to.
    ///   - size: what MAIL announced, 0 if nothing.
    package func expand(
        _ address: EmailAddress,
        mayRelay: Bool,
        poster: Poster = .outside(.null),
        size: Int = 0
    ) async throws(RecipientRefusal) -> RecipientExpansion {
        var expansion = RecipientExpansion()
        var seen: Set<EmailAddress> = []
        var waiting = [(address: address, depth: 0, isCaught: false)]
        var refusal = RecipientRefusal.noSuchUser
        while let (target, depth, isCaught) = waiting.popLast() {
            guard depth <= Self.maximumNesting, seen.count < Self.maximumTargets else { throw .aliasLoop }
            guard seen.insert(target).inserted else { continue }
            let resolution = try await resolve(target)
            switch resolution {
            case .account(let account, let used, let quota, let script, _),
                .masked(let account, let used, let quota, let script):
                if let quota { expansion.smallestQuota = min(quota, expansion.smallestQuota ?? quota) }
                if let quota, used + Int64(size) >= quota {
                    refusal = Int64(size) > quota ? .neverFits : .mailboxFull
                    // A full mailbox behind an alias is found by the delivery itself; the direct recipient is told now.
                    guard depth > 0 else { throw refusal }
                }
                var local = RecipientExpansion.Local(account: account, address: target, script: script)
                (local.isMasked, local.isAway) = (resolution.isMasked, resolution.isAway)
                expansion.local.append(local)
            case .full(let account, let level):
                refusal = level == .account ? .mailboxFull : .levelFull(level)
                guard depth > 0 else { throw refusal }
                expansion.local.append(.init(account: account, address: target))
            case .alias(let targets):
                waiting += targets.reversed().map { ($0, depth + 1, isCaught) }
            case .list(let list):
                expansion.lists.append(try await lists.expand(list, poster: poster, size: size))
            case .suspended:
                // The sender wrote to an address that nobody has; where its mail would go is no business of theirs.
                if !isCaught { refusal = .suspended }
            case .unknownAddress:
                if let other = try await catchAll(for: target) { waiting.append((other, depth + 1, true)) }
            case .notHosted:
                guard mayRelay || depth > 0 else { throw .relayDenied }
                expansion.remote.append(target)
            }
        }
        guard !expansion.isEmpty else { throw refusal }
        return expansion
    }

    /// RCPT TO:<postmaster> without a domain (RFC 5321 §4.5.1): whoever answers for this host.
    package func postmaster() async throws(RecipientRefusal) -> RecipientExpansion {
        let own: String?
        do throws(StoreError) {
            own = try await Postmaster.domain(ofHost: hostname, in: directory)
        } catch {
            throw RecipientRefusal(error)
        }
        guard let own else { throw .noSuchUser }
        return try await expand(EmailAddress(uncheckedLocalPart: "postmaster", domain: own), mayRelay: false)
    }

    // MARK: - One step

    private func resolve(_ address: EmailAddress) async throws(RecipientRefusal) -> RecipientResolution {
        do throws(StoreError) {
            let found = try await directory.resolve(address)
            guard case .unknownAddress = found else { return found }
            switch try await people?.recipient(address) {
            case .made?:
                let made = try await directory.resolve(address)
                guard case .unknownAddress = made else { return made }
            // Nothing is bounced for a directory that is away.
            case .unavailable?: throw StoreError.unavailable(reportID: "directory")
            case .nobody?, nil: ()
            }
            // RFC 5321 §4.5.1: postmaster is always there.
            guard EmailAddress.lowercased(address.localPart) == "postmaster" else { return found }
            guard let holder = try await Postmaster.find(for: address.domain, in: directory) else { return found }
            return try await directory.resolve(holder.primaryAddress)
        } catch {
            throw RecipientRefusal(error)
        }
    }

    /// Where the domain sends mail to addresses that nobody has.
    private func catchAll(for address: EmailAddress) async throws(RecipientRefusal) -> EmailAddress? {
        do throws(StoreError) {
            let routing = try await addresses.routing(of: address.domain)
            guard let main = routing?.aliasOf else { return routing?.catchAll?.target }
            return try await addresses.routing(of: main)?.catchAll?.target
        } catch {
            throw RecipientRefusal(error)
        }
    }
}
