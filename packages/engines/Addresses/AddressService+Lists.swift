package import MailModel
package import MailPorts

/// Distribution lists.
extension AddressService {
    /// What a list is made from.
    package struct NewList: Sendable {
        package var address: EmailAddress
        package var name: String
        package var posting: PostingRule
        package var maximumSize: Int?
        package var owners: [EmailAddress]
        package init(
            address: EmailAddress,
            name: String = "",
            posting: PostingRule = .organisation,
            maximumSize: Int? = nil,
            owners: [EmailAddress] = []
        ) {
            self.address = address
            self.name = name
            self.posting = posting
            self.maximumSize = maximumSize
            self.owners = owners
        }
    }

    package func addList(_ new: NewList, by actor: AddressActor) async throws(AddressError) -> DistributionList {
        guard Self.mayNameList(new.address) else { throw .refused("address", Self.listNameRule) }
        let domain = try await read { () async throws(StoreError) in
            try await directory.domain(named: new.address.domain)
        }
        guard let domain, domain.status != .deleted else { throw .notFound }
        let list = DistributionList(
            address: new.address,
            organisation: domain.organisation,
            name: new.name,
            posting: new.posting,
            maximumSize: new.maximumSize,
            createdAt: clock.now()
        )
        try check(list)
        let owners = try await accounts(new.owners, of: domain.organisation)
        var detail = AuditDetail(after: new.owners)
        detail.add("posting", list.posting.rawValue)
        let event = event("list.add", list.address.canonical, actor, detail)
        try await change(list.address.description) { () async throws(StoreError) in
            try await store.addList(list, owners: owners, audit: event)
        }
        return list
    }

    static let listNameRule = "a list's name has at most 50 letters, digits, dots, hyphens and underscores"

    /// RFC 2919 §3: `list-label` is a dot-atom; what is in a mailto: address besides would need escapes.
    static func mayNameList(_ address: EmailAddress) -> Bool {
        let local = address.localPart.utf8
        return local.count <= 50 && local.first != 45 && !address.needsUTF8
            && local.allSatisfy { $0 == 45 || $0 == 46 || $0 == 95 || isAlphanumeric($0) }
    }

    /// Octets that a list may allow its messages.
    static let listSizes: ClosedRange<Int64> = 1_024...1 << 30
    static let listSizeRule = "1024 to \(1 << 30) octets"

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }

    private func check(_ list: DistributionList) throws(AddressError) {
        try checkText("name", list.name)
        if let size = list.maximumSize, !Self.listSizes.contains(Int64(size)) {
            throw .refused("maximum_size", Self.listSizeRule)
        }
    }

    /// Name, posting rule and size.
    package func changeList(
        _ list: DistributionList,
        from before: DistributionList,
        by actor: AddressActor
    ) async throws(AddressError) {
        try check(list)
        let event = event(
            "list.change",
            list.address.canonical,
            actor,
            AuditDetail(before: before.settings, after: list.settings)
        )
        try await change(list.address.description) { () async throws(StoreError) in
            try await store.changeList(list, audit: event)
        }
    }

    package func removeList(_ list: DistributionList, by actor: AddressActor) async throws(AddressError) {
        let event = event("list.remove", list.address.canonical, actor)
        try await change(list.address.description) { () async throws(StoreError) in
            try await store.removeList(list.address, audit: event)
        }
    }

    package func list(_ address: EmailAddress) async throws(AddressError) -> DistributionList {
        let found = try await read { () async throws(StoreError) in try await store.list(address) }
        guard let found else { throw .notFound }
        return found
    }

    /// - Returns: how many are new.
    package func addMembers(
        _ members: [EmailAddress],
        to list: EmailAddress,
        by actor: AddressActor
    ) async throws(AddressError) -> Int {
        guard (1...limits.members).contains(members.count) else {
            throw .refused("members", "1 to \(limits.members) members")
        }
        let event = event("list.members.add", list.canonical, actor, AuditDetail(after: members))
        return try await change(list.description) { () async throws(StoreError) in
            try await store.addMembers(members, to: list, atMost: limits.members, audit: event)
        }
    }

    package func removeMember(
        _ member: EmailAddress,
        of list: EmailAddress,
        by actor: AddressActor
    ) async throws(AddressError) {
        let event = event("list.members.remove", list.canonical, actor, AuditDetail(before: [member]))
        try await change(list.description) { () async throws(StoreError) in
            try await store.removeMember(member, of: list, audit: event)
        }
    }

    package func setOwners(
        _ owners: [EmailAddress],
        of list: EmailAddress,
        by actor: AddressActor
    ) async throws(AddressError) {
        let found = try await accounts(owners, of: try await self.list(list).organisation)
        let before = try await read { () async throws(StoreError) in
            try await store.owners(of: list).map(\.primaryAddress)
        }
        let event = event("list.owners", list.canonical, actor, AuditDetail(before: before, after: owners))
        try await change(list.description) { () async throws(StoreError) in
            try await store.setOwners(found, of: list, audit: event)
        }
    }

    package func setSenders(
        _ senders: [EmailAddress],
        of list: EmailAddress,
        by actor: AddressActor
    ) async throws(AddressError) {
        guard senders.count <= AddressLimits.senders else {
            throw .refused("senders", "at most \(AddressLimits.senders) addresses")
        }
        let before = try await read { () async throws(StoreError) in try await store.senders(of: list) }
        let event = event("list.senders", list.canonical, actor, AuditDetail(before: before, after: senders))
        try await change(list.description) { () async throws(StoreError) in
            try await store.setSenders(senders, of: list, audit: event)
        }
    }

    private func accounts(
        _ owners: [EmailAddress],
        of organisation: OrganisationID
    ) async throws(AddressError) -> [AccountID] {
        guard owners.count <= AddressLimits.owners else {
            throw .refused("owners", "at most \(AddressLimits.owners) owners")
        }
        var found: Set<AccountID> = []
        for owner in owners {
            let account = try await read { () async throws(StoreError) in
                try await directory.account(withAddress: owner)
            }
            guard let account, account.organisation == organisation else {
                throw .refused("owners", "\(owner) is no account of the organisation")
            }
            found.insert(account.id)
        }
        return found.sorted { $0.rawValue < $1.rawValue }
    }
}

extension DistributionList {
    /// For the audit.
    var settings: String { "\(name), \(posting.rawValue), \(maximumSize.map { "\($0) octets" } ?? "any size")" }
}
