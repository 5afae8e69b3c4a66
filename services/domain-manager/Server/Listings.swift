import HTTPKit
import MailModel
import MailPorts

/// Queries of lists as the store takes them. `next` is a key and, after a comma, what tells equal keys apart.
extension DomainListing {
    /// - Throws: 400 that names what the query takes.
    init(_ query: ListQuery, organisation: OrganisationID?) throws(Problem) {
        self.init(organisation: organisation, limit: query.limit + 1)
        sort = Sort(rawValue: query.sort) ?? .name
        isDescending = query.isDescending
        status = try query.choice("status")
        prefix = query.filters["name"].map { EmailAddress.lowercased($0) }
        after = try query.position(isNumber: sort == .createdAt, isDescending: isDescending)
    }

    func cursor(of entry: DomainEntry) -> String {
        let created =
            switch entry {
            case .claimed(let claim): claim.createdAt
            case .hosted(let domain): domain.createdAt
            }
        return switch sort {
        case .name: "\(entry.name),\(entry.organisation)"
        case .createdAt: "\(created.microseconds),\(entry.organisation)"
        }
    }
}

extension AccountListing {
    /// - Throws: 400 that names what the query takes.
    init(_ query: ListQuery, domain: String) throws(Problem) {
        self.init(domain: domain, limit: query.limit + 1)
        sort = Sort(rawValue: query.sort) ?? .email
        isDescending = query.isDescending
        role = try query.choice("role")
        status = try query.choice("status")
        prefix = query.filters["email"].map { EmailAddress.lowercased($0) }
        after = try query.position(isNumber: sort == .createdAt, isDescending: isDescending)
    }

    func cursor(of account: Account) -> String {
        switch sort {
        case .email: "\(account.primaryAddress.canonical),\(account.id)"
        case .createdAt: "\(account.createdAt.microseconds),\(account.id)"
        }
    }
}

extension DomainGrantListing {
    /// - Throws: 400 that names what the query takes.
    init(_ query: ListQuery, domain: String) throws(Problem) {
        self.init(domain: domain, limit: query.limit + 1)
        sort = Sort(rawValue: query.sort) ?? .email
        isDescending = query.isDescending
        if let word = query.filters["permission"] {
            guard let wanted = DomainPermissions(words: [word]) else {
                let words = DomainPermissions.words.map(\.word).joined(separator: ", ")
                throw Problem(.badRequest, detail: "The query's permission takes \(words).")
            }
            permission = wanted
        }
        after = try query.position(isNumber: sort == .grantedAt, isDescending: isDescending)
    }

    func cursor(of grant: DomainGrant) -> String {
        switch sort {
        case .email: "\(grant.address.canonical),\(grant.account)"
        case .grantedAt: "\(grant.grantedAt.microseconds),\(grant.account)"
        }
    }
}

extension ListQuery {
    /// A filter that takes one of the type's words.
    fileprivate func choice<Word: RawRepresentable & CaseIterable>(
        _ name: String
    ) throws(Problem) -> Word? where Word.RawValue == String {
        guard let text = filters[name] else { return nil }
        guard let word = Word(rawValue: text) else {
            let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
            throw Problem(.badRequest, detail: "The query's \(name) takes \(words).")
        }
        return word
    }

    fileprivate func position(isNumber: Bool, isDescending: Bool) throws(Problem) -> ListPosition? {
        guard let after else { return nil }
        let bytes = Array(after.utf8)
        // A key without what follows it: behind all that have it.
        let comma = bytes.lastIndex(of: 44) ?? bytes.count
        let tie = comma == bytes.count ? Int64.max : Int64(String(decoding: bytes[(comma + 1)...], as: UTF8.self))
        let key = String(decoding: bytes[..<comma], as: UTF8.self)
        guard let tie, !key.utf8.contains(0) else { throw .badPosition }
        guard isNumber else {
            return ListPosition(key: .text(key), tie: isDescending && comma == bytes.count ? 0 : tie)
        }
        guard let number = Int64(key) else { throw .badPosition }
        return ListPosition(key: .number(number), tie: tie)
    }
}
