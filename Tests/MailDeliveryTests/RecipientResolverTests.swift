import MailDelivery
import MailModel
import MailPorts
import MailTesting
import Testing

func address(_ text: String) -> EmailAddress {
    EmailAddress(text) ?? EmailAddress(uncheckedLocalPart: text, domain: "not.an.address")
}

/// shop.test with ann, bob (full), zoe (suspended), an administrator and aliases; other.test of the same organisation.
struct Shop {
    let directory = FakeDirectory()
    let ann: AccountID
    let administrator: AccountID

    init() async throws {
        let organisation = try await directory.addOrganisation(name: "shop")
        _ = try await directory.addDomain("shop.test", organisation: organisation.id, keys: [])
        _ = try await directory.addDomain("other.test", organisation: organisation.id, keys: [])
        ann = try await directory.addAccount(
            NewAccount(organisation: organisation.id, address: address("ann@shop.test"), passwordHash: "")
        ).id
        _ = try await directory.addAccount(
            NewAccount(
                organisation: organisation.id,
                address: address("bob@shop.test"),
                passwordHash: "",
                quotaBytes: 0
            )
        )
        let zoe = try await directory.addAccount(
            NewAccount(organisation: organisation.id, address: address("zoe@shop.test"), passwordHash: "")
        )
        try await directory.setAccountStatus(zoe.id, .suspended)
        administrator = try await directory.addAccount(
            NewAccount(
                organisation: organisation.id,
                address: address("boss@shop.test"),
                role: .owner,
                passwordHash: ""
            )
        ).id
        try await directory.addAlias(
            address("sales@shop.test"),
            targets: [address("ann@shop.test"), address("away@elsewhere.test")]
        )
        try await directory.addAlias(address("ring@shop.test"), targets: [address("ring2@shop.test")])
        try await directory.addAlias(address("ring2@shop.test"), targets: [address("ring@shop.test")])
        try await directory.addAlias(address("dead@shop.test"), targets: [address("nobody@shop.test")])
        var target = address("ann@shop.test")
        for number in 1...12 {
            let alias = address("deep\(number)@shop.test")
            try await directory.addAlias(alias, targets: [target])
            target = alias
        }
    }
}

struct RefusalRow: Sendable, CustomTestStringConvertible {
    let recipient: String
    let refusal: RecipientRefusal
    init(_ recipient: String, _ refusal: RecipientRefusal) { (self.recipient, self.refusal) = (recipient, refusal) }
    var testDescription: String { recipient }
}

@Suite struct RecipientResolverTests {
    @Test func anAccountIsFoundWhateverTheCaseAndDetail() async throws {
        let shop = try await Shop()
        let resolver = RecipientResolver(
            directory: shop.directory,
            addresses: shop.directory,
            hostname: "mail.shop.test"
        )
        for text in ["ann@shop.test", "ANN@shop.test", "ann+news@shop.test", "ann+a+b@shop.test"] {
            let expansion = try await resolver.expand(address(text), mayRelay: false)
            #expect(expansion.local.map(\.account) == [shop.ann])
            #expect(expansion.local.first?.address.localPart == address(text).localPart)
        }
    }

    static let refusals = [
        RefusalRow("someone@elsewhere.test", .relayDenied), RefusalRow("nobody@shop.test", .noSuchUser),
        RefusalRow("+x@shop.test", .noSuchUser), RefusalRow("bob@shop.test", .mailboxFull),
        RefusalRow("zoe@shop.test", .suspended),
        RefusalRow("ring@shop.test", .noSuchUser), RefusalRow("dead@shop.test", .noSuchUser),
        RefusalRow("deep12@shop.test", .aliasLoop),
    ]

    @Test(arguments: refusals) func recipientsAreRefused(_ row: RefusalRow) async throws {
        let shop = try await Shop()
        let resolver = RecipientResolver(
            directory: shop.directory,
            addresses: shop.directory,
            hostname: "mail.shop.test"
        )
        await #expect(throws: row.refusal) { try await resolver.expand(address(row.recipient), mayRelay: false) }
    }

    @Test func aliasesLeadHereAndElsewhere() async throws {
        let shop = try await Shop()
        let expansion = try await RecipientResolver(
            directory: shop.directory,
            addresses: shop.directory,
            hostname: "mail.shop.test"
        ).expand(
            address("sales@shop.test"),
            mayRelay: false
        )
        #expect(expansion.local == [.init(account: shop.ann, address: address("ann@shop.test"))])
        #expect(expansion.remote == [address("away@elsewhere.test")])
        let deep = try await RecipientResolver(
            directory: shop.directory,
            addresses: shop.directory,
            hostname: "mail.shop.test"
        ).expand(
            address("deep10@shop.test"),
            mayRelay: false
        )
        #expect(deep.local.map(\.account) == [shop.ann])
    }

    @Test func ownUsersMaySendAnywhere() async throws {
        let shop = try await Shop()
        let resolver = RecipientResolver(
            directory: shop.directory,
            addresses: shop.directory,
            hostname: "mail.shop.test"
        )
        #expect(
            try await resolver.expand(address("x@elsewhere.test"), mayRelay: true).remote == [
                address("x@elsewhere.test")
            ]
        )
        await #expect(throws: RecipientRefusal.noSuchUser) {
            try await resolver.expand(address("nobody@shop.test"), mayRelay: true)
        }
    }

    @Test func postmasterIsWhoAdministers() async throws {
        let shop = try await Shop()
        let resolver = RecipientResolver(
            directory: shop.directory,
            addresses: shop.directory,
            hostname: "mail.shop.test"
        )
        for text in ["postmaster@shop.test", "PostMaster@other.test"] {
            #expect(
                try await resolver.expand(address(text), mayRelay: false).local.map(\.account) == [shop.administrator]
            )
        }
    }

    @Test(arguments: ["mail.shop.test", "SHOP.test", "a.b.shop.test", "mail.elsewhere.test", "localhost", ""])
    func theHostsPostmasterIsNoTenant(_ hostname: String) async throws {
        let shop = try await Shop()
        // A tenant whose domain comes first of all.
        let tenant = try await shop.directory.addOrganisation(name: "aaa")
        _ = try await shop.directory.addDomain("aaa.test", organisation: tenant.id, keys: [])
        let owner = try await shop.directory.addAccount(
            NewAccount(organisation: tenant.id, address: address("owner@aaa.test"), role: .owner, passwordHash: "")
        ).id
        func postmaster(_ hostname: String) async throws -> [AccountID] {
            try await RecipientResolver(directory: shop.directory, addresses: shop.directory, hostname: hostname)
                .postmaster().local.map(\.account)
        }
        #expect(try await postmaster(hostname) == [shop.administrator])
        #expect(try await postmaster("mx.aaa.test") == [owner])
    }

    @Test func anAnnouncedSizeCounts() async throws {
        let shop = try await Shop()
        try await shop.directory.setQuota(shop.ann, bytes: 1_000)
        let resolver = RecipientResolver(
            directory: shop.directory,
            addresses: shop.directory,
            hostname: "mail.shop.test"
        )
        _ = try await resolver.expand(address("ann@shop.test"), mayRelay: false, size: 900)
        await #expect(throws: RecipientRefusal.mailboxFull) {
            try await resolver.expand(address("ann@shop.test"), mayRelay: false, size: 1_000)
        }
    }

    @Test func anAbsentDirectoryIsTransient() async throws {
        let shop = try await Shop()
        shop.directory.fail(with: .unavailable(reportID: "r1"))
        await #expect(throws: RecipientRefusal.unavailable(reportID: "r1")) {
            try await RecipientResolver(
                directory: shop.directory,
                addresses: shop.directory,
                hostname: "mail.shop.test"
            ).expand(
                address("ann@shop.test"),
                mayRelay: false
            )
        }
    }
}
