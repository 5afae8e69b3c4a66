import MailModel
import MailPorts

/// Finds who gets a list's mail, and whether its sender may write to it.
///
/// Lists within lists are followed: their members get the outer list's copy.
struct ListExpander: Sendable {
    /// Members of one list and of those within it.
    static let maximumMembers = 20_000

    private struct Step {
        var address: EmailAddress
        var depth: Int
        /// The list that led here.
        var list: DistributionList
    }

    let directory: any DirectoryStore
    let lists: any ListStore

    /// - Throws: `.notPermitted` when the sender may not write to the list, or neither it nor the list may write to one of its
    ///   members that is a list.
    func expand(
        _ address: EmailAddress,
        poster: Poster,
        size: Int
    ) async throws(RecipientRefusal) -> RecipientExpansion.List {
        let list = try await store { () async throws(StoreError) in try await lists.list(address) }
        guard let list else { throw .noSuchUser }
        let names = try await identities(of: poster)
        guard try await mayPost(poster, names, to: list) else { throw .notPermitted }
        if let limit = list.maximumSize, size > limit { throw .neverFits }
        return try await members(of: list, poster, names)
    }

    private func members(
        of list: DistributionList,
        _ poster: Poster,
        _ names: [EmailAddress]
    ) async throws(RecipientRefusal) -> RecipientExpansion.List {
        var expansion = RecipientExpansion.List(list: list)
        var seen: Set<EmailAddress> = [list.address]
        var waiting: [Step] = []
        try await add(list, depth: 0, to: &expansion, &waiting)
        while let step = waiting.popLast() {
            guard step.depth <= RecipientResolver.maximumNesting, seen.count < Self.maximumMembers else {
                throw .aliasLoop
            }
            guard seen.insert(step.address).inserted else { continue }
            let resolution = try await store { () async throws(StoreError) in
                try await directory.resolve(step.address)
            }
            switch resolution {
            case .account(let account, let used, let quota, let script, _),
                .masked(let account, let used, let quota, let script):
                let local = RecipientExpansion.Local(
                    account: account,
                    address: step.address,
                    isMasked: resolution.isMasked,
                    script: script
                )
                expansion.members.append(.init(local: local, room: quota.map { $0 - used }))
            case .full(let account, _):
                let local = RecipientExpansion.Local(account: account, address: step.address)
                expansion.members.append(.init(local: local, room: 0))
            case .alias(let targets):
                waiting += targets.reversed().map { Step(address: $0, depth: step.depth + 1, list: step.list) }
            case .list(let address):
                let inner = try await store { () async throws(StoreError) in try await lists.list(address) }
                guard let inner else { continue }
                if step.address != inner.address, !seen.insert(inner.address).inserted { continue }
                if try await !mayPost(step.list, to: inner), try await !mayPost(poster, names, to: inner) {
                    throw .notPermitted
                }
                try await add(inner, depth: step.depth + 1, to: &expansion, &waiting)
            case .notHosted: expansion.remote.append(step.address)
            case .unknownAddress, .suspended: continue
            }
        }
        return expansion
    }

    private func add(
        _ list: DistributionList,
        depth: Int,
        to expansion: inout RecipientExpansion.List,
        _ waiting: inout [Step]
    ) async throws(RecipientRefusal) {
        let targets = try await store { () async throws(StoreError) in
            try await lists.targets(of: list.address, limit: Self.maximumMembers)
        }
        for target in targets {
            switch target {
            case .account(let account, let address, let used, let quota, let script):
                let local = RecipientExpansion.Local(account: account, address: address, script: script)
                expansion.members.append(.init(local: local, room: quota.map { $0 - used }))
            case .outside(let address): expansion.remote.append(address)
            case .other(let address): waiting.append(Step(address: address, depth: depth + 1, list: list))
            }
        }
        guard expansion.members.count + expansion.remote.count <= Self.maximumMembers else { throw .aliasLoop }
    }

    // MARK: - Permission

    /// What the sender is known by: every address of an account that has signed in.
    ///
    /// Who has not may claim an address elsewhere,
    /// and none of ours.
    private func identities(of poster: Poster) async throws(RecipientRefusal) -> [EmailAddress] {
        switch poster {
        case .account(let submitter): return Array(submitter.addresses)
        case .outside(.null): return []
        case .outside(.address(let address)):
            let hosted = try await store { () async throws(StoreError) in
                try await directory.domain(named: address.domain)
            }
            return hosted == nil || hosted?.status == .deleted ? [address] : []
        }
    }

    private func mayPost(
        _ poster: Poster,
        _ names: [EmailAddress],
        to list: DistributionList
    ) async throws(RecipientRefusal) -> Bool {
        // Notifications about a list's mail go to its bounce address.
        if case .outside(.null) = poster { return false }
        if case .account(let submitter) = poster, list.posting == .organisation {
            return submitter.account.organisation == list.organisation
        }
        return try await mayPost(names, to: list)
    }

    private func mayPost(_ outer: DistributionList, to list: DistributionList) async throws(RecipientRefusal) -> Bool {
        if list.posting == .organisation { return outer.organisation == list.organisation }
        return try await mayPost([outer.address], to: list)
    }

    private func mayPost(_ names: [EmailAddress], to list: DistributionList) async throws(RecipientRefusal) -> Bool {
        try await store { () async throws(StoreError) in
            switch list.posting {
            case .anyone: true
            case .organisation: false
            case .members: try await lists.isMember(anyOf: names, of: list.address)
            case .named: try await !Set(names).isDisjoint(with: lists.senders(of: list.address))
            }
        }
    }

    private func store<Value>(_ work: () async throws(StoreError) -> Value) async throws(RecipientRefusal) -> Value {
        do throws(StoreError) {
            return try await work()
        } catch {
            throw RecipientRefusal(error)
        }
    }
}
