package import MailModel
package import MailPorts

/// A list as the fake keeps it.
struct FakeList {
    var list: DistributionList
    var owners: [AccountID]
    var members: [EmailAddress] = []
    var senders: [EmailAddress] = []
}

extension FakeDirectory: ListStore {
    private func change(
        _ address: EmailAddress,
        _ audit: AuditEvent,
        _ body: (inout FakeList) -> Void
    ) throws(StoreError) {
        try change { state throws(StoreError) in
            guard var found = state.lists[address.canonical] else { throw .notFound }
            body(&found)
            state.lists[address.canonical] = found
            state.audit.append(audit)
        }
    }

    /// Filters are not looked at.
    package func lists(_ listing: DistributionListing) async throws(StoreError) -> [DistributionList] {
        try change { state in
            listing.page(of: state.lists.values.map(\.list).filter { $0.address.domain == listing.domain })
        }
    }

    package func list(_ address: EmailAddress) async throws(StoreError) -> DistributionList? {
        try change { $0.lists[address.canonical]?.list }
    }

    package func addList(
        _ list: DistributionList,
        owners: [AccountID],
        audit: AuditEvent
    ) async throws(StoreError) {
        try change { state throws(StoreError) in
            guard state.lists[list.address.canonical] == nil else { throw .alreadyExists }
            state.lists[list.address.canonical] = FakeList(list: list, owners: owners)
            state.audit.append(audit)
        }
    }

    package func changeList(_ list: DistributionList, audit: AuditEvent) async throws(StoreError) {
        try change(list.address, audit) { $0.list = list }
    }

    package func removeList(_ address: EmailAddress, audit: AuditEvent) async throws(StoreError) {
        try change { state throws(StoreError) in
            guard state.lists.removeValue(forKey: address.canonical) != nil else { throw .notFound }
        }
    }

    /// Filters are not looked at; all were added at one time.
    package func members(_ listing: MemberListing) async throws(StoreError) -> [ListMember] {
        try change { state in
            let members = state.lists[listing.list.canonical]?.members ?? []
            return listing.page(of: members.map { ListMember(address: $0, addedAt: Timestamp(seconds: 0)) })
        }
    }

    package func isMember(anyOf addresses: [EmailAddress], of list: EmailAddress) async throws(StoreError) -> Bool {
        try change { state in addresses.contains { state.lists[list.canonical]?.members.contains($0) ?? false } }
    }

    package func addMembers(
        _ members: [EmailAddress],
        to list: EmailAddress,
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> Int {
        try change(list, audit) { list in list.members += members.filter { !list.members.contains($0) } }
        return members.count
    }

    package func removeMember(
        _ member: EmailAddress,
        of list: EmailAddress,
        audit: AuditEvent
    ) async throws(StoreError) {
        try change(list, audit) { $0.members.removeAll { $0 == member } }
    }

    package func owners(of list: EmailAddress) async throws(StoreError) -> [Account] {
        try change { state in
            state.accounts.filter { state.lists[list.canonical]?.owners.contains($0.id) ?? false }
        }
    }

    package func setOwners(
        _ owners: [AccountID],
        of list: EmailAddress,
        audit: AuditEvent
    ) async throws(StoreError) {
        try change(list, audit) { $0.owners = owners }
    }

    package func lists(ownedBy account: AccountID) async throws(StoreError) -> [DistributionList] {
        try change { state in state.lists.values.filter { $0.owners.contains(account) }.map(\.list) }
    }

    package func senders(of list: EmailAddress) async throws(StoreError) -> [EmailAddress] {
        try change { $0.lists[list.canonical]?.senders ?? [] }
    }

    package func setSenders(
        _ senders: [EmailAddress],
        of list: EmailAddress,
        audit: AuditEvent
    ) async throws(StoreError) {
        try change(list, audit) { $0.senders = senders }
    }

    package func targets(of list: EmailAddress, limit: Int) async throws(StoreError) -> [ListTarget] {
        try change { state in
            (state.lists[list.canonical]?.members ?? []).map { member in
                guard state.domains.contains(where: { $0.name == member.domain }) else { return .outside(member) }
                guard let account = state.accounts.first(where: { $0.primaryAddress == member && $0.status == .active })
                else { return .other(member) }
                return .account(
                    account.id,
                    member,
                    usedBytes: account.usedBytes,
                    quotaBytes: account.quotaBytes
                )
            }
        }
    }
}
