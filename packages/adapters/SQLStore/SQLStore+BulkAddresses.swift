import Database
import MailModel
import MailPorts

extension BulkWork {
    /// Addresses that one audit line names; the rest is counted.
    private static let shownAddresses = 50

    // MARK: - Aliases

    mutating func take(_ wish: Alias) throws(StoreError) -> BulkOutcome {
        let before = try connection.all(
            """
            SELECT alias_targets.written FROM alias_targets JOIN addresses ON addresses.address = alias_targets.address
            WHERE alias_targets.address = $1 AND addresses.account_id IS NULL ORDER BY position
            """,
            [.text(wish.address.canonical)]
        ) { row throws(StoreError) in row.text(0) }
        let after = wish.targets.map(\.description)
        guard !before.isEmpty else {
            try requireFree([wish.address])
            try SQLStore.insertAddress(wish.address, connection)
            column = "targets"
            try SQLStore.requireNoCircle(from: wish.targets, to: wish.address, connection)
            try SQLStore.insertTargets(of: wish, connection)
            note("alias.add", wish.address, Self.detail(("after", after)))
            return .created
        }
        guard !before.elementsEqual(after, by: { $0.utf8.elementsEqual($1.utf8) }) else { return .unchanged }
        column = "targets"
        try SQLStore.replaceTargets(of: wish, connection)
        note("alias.change", wish.address, Self.detail(("before", before), ("after", after)))
        return .changed
    }

    /// Asked before, as a statement that fails ends the whole transaction on some engines.
    private func requireFree(_ addresses: [EmailAddress]) throws(StoreError) {
        for address in addresses {
            let isTaken = try connection.first(
                "SELECT 1 FROM addresses WHERE address = $1",
                [.text(address.canonical)]
            ) { _ throws(StoreError) in true }
            if isTaken == true { throw .refused("\(address) is taken") }
        }
    }

    // MARK: - Lists

    mutating func take(_ wish: BulkList) throws(StoreError) -> BulkOutcome {
        let known = try connection.first(
            "\(SQLStore.listQuery) WHERE lists.address = $1",
            [.text(wish.address.canonical)],
            SQLStore.list
        )
        let lines = audit.count
        if let known {
            try SQLStore.lockList(wish.address, connection)
            try change(known, wish)
        } else {
            let made = DistributionList(
                address: wish.address,
                organisation: bulk.organisation,
                name: wish.name ?? "",
                posting: wish.posting ?? .organisation,
                maximumSize: wish.maximumSize.applied(to: nil).map { Int($0) },
                createdAt: now
            )
            try requireFree([made.address, made.bounceAddress, made.ownerAddress])
            try SQLStore.insertList(made, connection)
            note("list.add", wish.address, AuditDetail().adding("posting", made.posting.rawValue).text)
        }
        if let owners = wish.owners { try setOwners(owners, of: wish.address) }
        if let senders = wish.senders { try setSenders(senders, of: wish.address) }
        if let members = wish.members { try setMembers(members, of: wish.address) }
        return known == nil ? .created : audit.count > lines ? .changed : .unchanged
    }

    private mutating func change(_ before: DistributionList, _ wish: BulkList) throws(StoreError) {
        var after = before
        after.name = wish.name ?? before.name
        after.posting = wish.posting ?? before.posting
        after.maximumSize = wish.maximumSize.applied(to: before.maximumSize.map { Int64($0) }).map { Int($0) }
        let isNamedAlike = after.name.utf8.elementsEqual(before.name.utf8)
        guard !isNamedAlike || after.posting != before.posting || after.maximumSize != before.maximumSize else {
            return
        }
        try SQLStore.updateList(after, connection)
        note(
            "list.change",
            wish.address,
            AuditDetail().changing("name", from: before.name, to: after.name)
                .changing("posting", from: before.posting.rawValue, to: after.posting.rawValue)
                .changing(
                    "maximum_size",
                    from: before.maximumSize.map { "\($0)" },
                    to: after.maximumSize.map { "\($0)" }
                )
                .text
        )
    }

    private mutating func setOwners(_ owners: [EmailAddress], of list: EmailAddress) throws(StoreError) {
        column = "owners"
        var wanted: Set<Int64> = []
        for owner in owners {
            let account = try connection.first(
                """
                SELECT accounts.account_id FROM addresses JOIN accounts ON accounts.account_id = addresses.account_id
                WHERE addresses.address = $1 AND accounts.organisation_id = $2
                """,
                [.text(owner.canonical), .integer(bulk.organisation.rawValue)]
            ) { row throws(StoreError) in row.integer(0) }
            guard let account else { throw .refused("\(owner) is no account of the organisation") }
            wanted.insert(account)
        }
        let present = try connection.all(
            "SELECT account_id FROM list_owners WHERE list = $1",
            [.text(list.canonical)]
        ) { row throws(StoreError) in row.integer(0) }
        guard Set(present) != wanted else { return }
        try SQLStore.replaceOwners(wanted.sorted().map { AccountID($0) }, of: list, connection)
        note("list.owners", list, Self.detail(("after", owners.map(\.description))))
    }

    private mutating func setSenders(_ senders: [EmailAddress], of list: EmailAddress) throws(StoreError) {
        column = "senders"
        let present = try connection.all(
            "SELECT sender FROM list_senders WHERE list = $1",
            [.text(list.canonical)]
        ) { row throws(StoreError) in row.text(0) }
        guard Set(present) != Set(senders.map(\.canonical)) else { return }
        try SQLStore.replaceSenders(senders, of: list, connection)
        note("list.senders", list, Self.detail(("after", senders.map(\.description))))
    }

    private mutating func setMembers(_ members: [EmailAddress], of list: EmailAddress) throws(StoreError) {
        column = "members"
        let present = Set(
            try connection.all("SELECT member FROM list_members WHERE list = $1", [.text(list.canonical)]) {
                row throws(StoreError) in row.text(0)
            }
        )
        let gone = present.subtracting(members.map(\.canonical)).sorted()
        let new = members.filter { !present.contains($0.canonical) }
        for member in gone {
            try connection.post(
                "DELETE FROM list_members WHERE list = $1 AND member = $2",
                [.text(list.canonical), .text(member)]
            )
        }
        if !gone.isEmpty { note("list.members.remove", list, Self.detail(("before", gone))) }
        guard !new.isEmpty else { return }
        try SQLStore.requireNoCircle(from: new, to: list, connection)
        _ = try SQLStore.insertMembers(new, to: list, atMost: bulk.members, now: now, connection)
        note("list.members.add", list, Self.detail(("after", new.map(\.description))))
    }

    private static func detail(_ parts: (name: String, values: [String])...) -> String {
        var detail = AuditDetail()
        for part in parts {
            detail = detail.adding(part.name, part.values.prefix(shownAddresses).joined(separator: " "))
            if part.values.count > shownAddresses {
                detail = detail.adding("\(part.name)_count", Int64(part.values.count))
            }
        }
        return detail.text
    }
}
