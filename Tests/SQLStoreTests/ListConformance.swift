import MailModel
import MailPorts
import Testing

@Suite("Port: ListStore") struct ListConformance {
    private func list(_ address: String, of account: Account, _ test: StoreUnderTest) -> DistributionList {
        DistributionList(
            address: .sample(address),
            organisation: account.organisation,
            name: "The \"team\"",
            posting: .members,
            maximumSize: 5_000,
            createdAt: test.clock.now()
        )
    }

    private let event = AddressConformance.audit("list.change")

    @Test(arguments: StoreFactory.all)
    func `a list has three addresses, and keeps them to itself`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let ann = try await test.account("ann@shop.test")
        let team = list("Team@shop.test", of: ann, test)
        try await store.addList(team, owners: [ann.id], audit: event)
        #expect(try await store.list(.sample("team@shop.test")) == team)
        #expect(try await store.list(team.address)?.address.description == "Team@shop.test")
        #expect(try await store.lists(ofDomain: "shop.test", after: nil, limit: 5) == [team])
        #expect(try await store.lists(ofDomain: "shop.test", after: "team@shop.test", limit: 5).isEmpty)
        #expect(try await store.resolve(.sample("TEAM@shop.test")) == .list(team.address))
        #expect(try await store.verify().findings == [], "the addresses of a list are no aliases without targets")
        #expect(try await store.resolve(.sample("team+x@shop.test")) == .list(team.address))
        for address in ["team-bounces@shop.test", "team-owner@shop.test"] {
            #expect(try await store.resolve(.sample(address)) == .alias([ann.primaryAddress]))
            await #expect(throws: StoreError.alreadyExists) { _ = try await test.account(address) }
            await #expect(throws: StoreError.notFound) { try await store.removeAlias(.sample(address)) }
        }
        try await store.setOwners([], of: team.address, audit: event)
        #expect(
            try await store.resolve(team.ownerAddress)
                == .alias([EmailAddress(uncheckedLocalPart: "postmaster", domain: "shop.test")])
        )
        #expect(try await store.aliases(ofDomain: "shop.test", after: nil, limit: 5).isEmpty)
        await #expect(throws: StoreError.alreadyExists) { try await store.addList(team, owners: [], audit: event) }
        #expect(try await store.sendingAddresses(of: ann.id) == [ann.primaryAddress])

        var changed = team
        (changed.name, changed.posting, changed.maximumSize) = ("Others", .named, nil)
        try await store.changeList(changed, audit: event)
        #expect(try await store.list(team.address) == changed)
        try await store.removeList(team.address, audit: event)
        #expect(try await store.resolve(team.address) == .unknownAddress)
        #expect(try await store.resolve(team.bounceAddress) == .unknownAddress)
        await #expect(throws: StoreError.notFound) { try await store.removeList(team.address, audit: event) }
        try await store.addList(team, owners: [], audit: event)
    }

    @Test(arguments: StoreFactory.all)
    func `members are told apart for delivery, and lead in no circle`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let ann = try await test.account("ann@shop.test")
        let bob = try await test.account("bob@shop.test")
        try await store.setAccountStatus(bob.id, .suspended)
        let (team, all) = (list("team@shop.test", of: ann, test), list("all@shop.test", of: ann, test))
        for one in [team, all] { try await store.addList(one, owners: [], audit: event) }
        try await store.addAlias(
            Alias(address: .sample("ring@shop.test"), targets: [team.address]),
            audit: event
        )
        let members: [EmailAddress] = ["Ann@shop.test", "bob@shop.test", "ann+x@shop.test", "Out@elsewhere.test"].map {
            .sample($0)
        }
        #expect(try await store.addMembers(members, to: team.address, atMost: 4, audit: event) == 4)
        #expect(try await store.addMembers(members, to: team.address, atMost: 4, audit: event) == 0)
        await #expect(throws: StoreError.self) {
            try await store.addMembers([.sample("more@x.test")], to: team.address, atMost: 4, audit: event)
        }
        #expect(try await store.members(of: team.address, after: nil, limit: 9).count == 4)
        #expect(
            try await store.members(of: team.address, after: "ann@shop.test", limit: 2).map(\.description)
                == ["bob@shop.test", "Out@elsewhere.test"]
        )
        let targets = try await store.targets(of: team.address, limit: 9)
        #expect(
            targets == [
                .other(.sample("ann+x@shop.test")),
                // Nothing has been granted to it yet: whether it has room is asked of its directory entry.
                .other(.sample("Ann@shop.test")),
                .other(.sample("bob@shop.test")), .outside(.sample("Out@elsewhere.test")),
            ]
        )
        #expect(
            try await store.isMember(anyOf: [.sample("x@y.test"), .sample("OUT@elsewhere.test")], of: team.address)
        )
        #expect(try await !store.isMember(anyOf: [.sample("x@y.test")], of: team.address))
        #expect(try await !store.isMember(anyOf: [], of: team.address))

        #expect(try await store.addMembers([team.address], to: all.address, atMost: 9, audit: event) == 1)
        for circle in [all.address, EmailAddress.sample("ring@shop.test"), team.address] {
            await #expect(throws: StoreError.self) {
                try await store.addMembers([circle], to: team.address, atMost: 9, audit: event)
            }
        }
        try await store.removeMember(.sample("OUT@elsewhere.test"), of: team.address, audit: event)
        await #expect(throws: StoreError.notFound) {
            try await store.removeMember(.sample("out@elsewhere.test"), of: team.address, audit: event)
        }
    }

    @Test(arguments: StoreFactory.all)
    func `owners are of the organisation; senders are anybody`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let ann = try await test.account("ann@shop.test")
        let eve = try await test.account("eve@other.test")
        let team = list("team@shop.test", of: ann, test)
        await #expect(throws: StoreError.self) { try await store.addList(team, owners: [eve.id], audit: event) }
        #expect(try await store.list(team.address) == nil)
        try await store.addList(team, owners: [], audit: event)
        try await store.setOwners([ann.id], of: team.address, audit: event)
        #expect(try await store.owners(of: team.address) == [ann])
        #expect(try await store.lists(ownedBy: ann.id) == [team])
        #expect(try await store.lists(ownedBy: eve.id).isEmpty)
        await #expect(throws: StoreError.self) { try await store.setOwners([eve.id], of: team.address, audit: event) }
        #expect(try await store.owners(of: team.address) == [ann])
        try await store.setSenders([eve.primaryAddress, ann.primaryAddress], of: team.address, audit: event)
        #expect(try await store.senders(of: team.address) == [ann.primaryAddress, eve.primaryAddress])
        await #expect(throws: StoreError.notFound) {
            try await store.setSenders([], of: .sample("no@shop.test"), audit: event)
        }
    }

    @Test(arguments: StoreFactory.all)
    func `plans of one message are written all or not at all`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let bob = try await test.account("bob@shop.test", quota: 50)
        let plan = { (account: Account, remote: [String]) in
            DeliveryPlan.example(
                Octets.text(100),
                at: test.clock.now(),
                to: [LocalCopy(account: account.id, recipient: account.primaryAddress)],
                remote: remote
            )
        }
        await #expect(throws: StoreError.overQuota) {
            try await test.store.deliver(all: [plan(ann, ["a@x.test"]), plan(bob, [])])
        }
        #expect(try await test.store.account(ann.id)?.usedMessages == 0)
        #expect(try await test.store.depth() == 0)
        try await test.store.setQuota(bob.id, bytes: nil)
        try await test.store.deliver(all: [plan(ann, ["a@x.test"]), plan(bob, ["a@x.test"])])
        #expect(try await test.store.account(ann.id)?.usedMessages == 1)
        #expect(try await test.store.account(bob.id)?.usedMessages == 1)
        #expect(try await test.store.depth() == 2)
    }
}
