import ByteParsing
package import MailModel
package import MailPorts

/// Decides at RCPT whether a recipient is taken, and follows aliases to accounts and foreign addresses.
package struct RecipientResolver: Sendable {
    /// Aliases that lead to aliases.
    package static let maximumNesting = 10
    /// Targets of one recipient.
    package static let maximumTargets = 1_000

    private let directory: any DirectoryStore

    package init(directory: any DirectoryStore) { self.directory = directory }

    /// - Parameters:
    ///   - mayRelay: the client has signed in and may send anywhere.
    ///   - size: what MAIL announced, 0 if nothing.
    package func expand(
        _ address: EmailAddress,
        mayRelay: Bool,
        size: Int = 0
    ) async throws(RecipientRefusal) -> RecipientExpansion {
        var expansion = RecipientExpansion()
        var seen: Set<EmailAddress> = []
        var waiting = [(address: address, depth: 0)]
        var refusal = RecipientRefusal.noSuchUser
        while let (target, depth) = waiting.popLast() {
            guard depth <= Self.maximumNesting, seen.count < Self.maximumTargets else { throw .aliasLoop }
            guard seen.insert(target).inserted else { continue }
            switch try await resolve(target) {
            case .account(let account, let used, let quota):
                if let quota { expansion.smallestQuota = min(quota, expansion.smallestQuota ?? quota) }
                if let quota, used + Int64(size) >= quota {
                    refusal = Int64(size) > quota ? .neverFits : .mailboxFull
                    // A full mailbox behind an alias is found by the delivery itself; the direct recipient is told now.
                    guard depth > 0 else { throw refusal }
                }
                expansion.local.append(.init(account: account, address: target))
            case .alias(let targets):
                waiting += targets.reversed().map { ($0, depth + 1) }
            case .suspended:
                refusal = .suspended
            case .unknownAddress:
                continue
            case .notHosted:
                guard mayRelay || depth > 0 else { throw .relayDenied }
                expansion.remote.append(target)
            }
        }
        guard !expansion.isEmpty else { throw refusal }
        return expansion
    }

    /// RCPT TO:<postmaster> without a domain (RFC 5321 §4.5.1): whoever answers for the first domain.
    package func postmaster() async throws(RecipientRefusal) -> RecipientExpansion {
        let first: HostedDomain?
        do throws(StoreError) {
            first = try await directory.domains(of: nil, after: nil, limit: 1).first
        } catch {
            throw Self.refusal(error)
        }
        guard let first else { throw .noSuchUser }
        return try await expand(EmailAddress(uncheckedLocalPart: "postmaster", domain: first.name), mayRelay: false)
    }

    // MARK: - One step

    private func resolve(_ address: EmailAddress) async throws(RecipientRefusal) -> RecipientResolution {
        do throws(StoreError) {
            let found = try await directory.resolve(address)
            guard case .unknownAddress = found else { return found }
            if let base = address.withoutDetail {
                let plain = try await directory.resolve(base)
                if plain != .unknownAddress { return plain }
            }
            // RFC 5321 §4.5.1: postmaster is always there.
            guard EmailAddress.lowercased(address.localPart) == "postmaster" else { return found }
            guard let holder = try await Postmaster.find(for: address.domain, in: directory) else { return found }
            return try await directory.resolve(holder.primaryAddress)
        } catch {
            throw Self.refusal(error)
        }
    }

    private static func refusal(_ error: StoreError) -> RecipientRefusal {
        switch error {
        case .unavailable(let id), .damaged(let id): .unavailable(reportID: id)
        case .notFound, .alreadyExists, .refused, .overQuota: .noSuchUser
        }
    }
}

extension EmailAddress {
    /// The address without `+detail` (RFC 5233 §1); nil when there is none.
    package var withoutDetail: EmailAddress? {
        guard let plus = localPart.utf8.firstIndex(of: ASCII.plus), plus != localPart.utf8.startIndex else {
            return nil
        }
        return EmailAddress(uncheckedLocalPart: String(localPart[..<plus]), domain: domain)
    }
}
