import MailModel
import MailPorts
import Testing

@testable import Accounts

@Suite("Identities") struct IdentityBookTests {
    private static func address(_ text: String) -> EmailAddress {
        guard let address = EmailAddress(text) else { preconditionFailure("\(text) is no address") }
        return address
    }

    private static let ann = Account(
        id: AccountID(1),
        organisation: OrganisationID(1),
        primaryAddress: address("ann@shop.test"),
        displayName: "Ann",
        role: .member,
        status: .active,
        quotaBytes: nil,
        usedBytes: 0,
        usedMessages: 0,
        createdAt: Timestamp(microseconds: 0)
    )
    private static let boss = SendingAddress.Owner(address: address("boss@shop.test"), displayName: "The Boss")

    private static var record: IdentityRecord {
        IdentityRecord(
            addresses: [
                SendingAddress(address("ann@shop.test"), .own), SendingAddress(address("Ann.Smith@club.test"), .own),
                SendingAddress(address("sales@shop.test"), .alias), SendingAddress(address("x7q@shop.test"), .masked),
                SendingAddress(address("ann@store.test"), .domainAlias),
                SendingAddress(address("boss@shop.test"), .granted, isOnBehalf: true, owner: boss),
                SendingAddress(address("desk@shop.test"), .granted, owner: boss),
                SendingAddress(address("*@fair.test"), .domain),
            ],
            composing: ComposingSettings(signature: MailSignature(text: "person")),
            domains: ["club.test": MailSignature(text: "{name} <{email}>, the club")]
        )
    }

    private func book(_ change: (inout IdentityRecord) -> Void = { _ in }) -> IdentityBook {
        var record = Self.record
        change(&record)
        return IdentityBook(Self.ann, record)
    }

    private func identity(_ text: String, _ book: IdentityBook? = nil) throws -> Identity {
        try #require((book ?? self.book()).identity(for: Self.address(text)))
    }

    // MARK: - Signatures

    @Test func `a signature is of the address, else of the domain, else of the person`() throws {
        var identity = try identity("ann@shop.test")
        #expect(identity.signature.text == "person" && identity.level == .person)
        identity = try self.identity("ann.smith@club.test")
        #expect(identity.signature.text == "Ann <Ann.Smith@club.test>, the club" && identity.level == .domain)
        let own = book { record in
            record.settings[Self.address("ann.smith@club.test")] = IdentitySettings(
                name: "A. Smith",
                signature: MailSignature(html: "<b>mine</b>")
            )
        }
        identity = try self.identity("Ann.Smith@club.test", own)
        #expect(identity.signature == ("mine", "<b>mine</b>") && identity.level == .address)
        #expect(identity.name == "A. Smith")
        let named = book { $0.settings[Self.address("ann.smith@club.test")] = IdentitySettings(name: "A. <Smith>") }
        identity = try self.identity("ann.smith@club.test", named)
        #expect(identity.signature.text == "A. <Smith> <Ann.Smith@club.test>, the club" && identity.level == .domain)
        #expect(identity.signature.html.utf8.starts(with: "A. &lt;Smith&gt; ".utf8))
        let none = book {
            $0.settings[Self.address("ann@shop.test")] = IdentitySettings(signature: MailSignature(text: ""))
        }
        identity = try self.identity("ann@shop.test", none)
        #expect(identity.signature == ("", "") && identity.level == .address)
    }

    @Test func `a masked address does not say whose it is`() throws {
        let book = book { $0.domains["shop.test"] = MailSignature(text: "{name} of the shop") }
        var identity = try identity("x7q@shop.test", book)
        #expect(identity.name.isEmpty && identity.signature == ("", "") && identity.level == .none)
        identity = try self.identity(
            "x7q@shop.test",
            self.book { $0.settings[Self.address("x7q@shop.test")] = IdentitySettings(name: "Q") }
        )
        #expect(identity.name == "Q" && identity.level == .none)
    }

    @Test func `what is lent comes with what its owner says of it, but for copies`() throws {
        #expect(try identity("desk@shop.test").name == "The Boss")
        let desk = Self.address("desk@shop.test")
        let said = IdentitySettings(
            name: "Front desk",
            replyTo: [Self.address("answers@shop.test")],
            bcc: [Self.address("boss@shop.test")],
            signature: MailSignature(text: "The desk")
        )
        var identity = try self.identity("desk@shop.test", book { $0.lent[desk] = said })
        #expect(identity.name == "Front desk" && identity.signature.text == "The desk" && identity.level == .owner)
        #expect(identity.replyTo == said.replyTo && identity.bcc.isEmpty && identity.settings == nil)
        identity = try self.identity(
            "desk@shop.test",
            book { record in
                record.lent[desk] = said
                record.settings[desk] = IdentitySettings(
                    name: "",
                    replyTo: [Self.address("ann@shop.test")],
                    signature: MailSignature(text: "Ann at the desk")
                )
            }
        )
        #expect(identity.name.isEmpty && identity.level == .address)
        #expect(identity.replyTo == [Self.address("ann@shop.test")])
    }

    // MARK: - Which there are

    @Test func `every address is listed once, by address, with those of which something was said`() {
        let book = book { record in
            record.settings[Self.address("press@fair.test")] = IdentitySettings(name: "Press")
            record.settings[Self.address("gone@shop.test")] = IdentitySettings(name: "Gone")
            record.addresses.append(SendingAddress(Self.address("sales@shop.test"), .granted, owner: Self.boss))
        }
        #expect(
            book.identities.map(\.address.address.description) == [
                "*@fair.test", "Ann.Smith@club.test", "ann@shop.test", "ann@store.test", "boss@shop.test",
                "desk@shop.test", "press@fair.test", "sales@shop.test", "x7q@shop.test",
            ]
        )
        #expect(book.identities.filter(\.isPrimary).map(\.address.address) == [Self.ann.primaryAddress])
        #expect(book.identities.filter(\.isDefault).count == 1)
        #expect(book.stale == [Self.address("gone@shop.test")])
        #expect(book.identity(for: Self.address("gone@shop.test")) == nil)
        #expect(book.identities.first { $0.address.address == Self.address("sales@shop.test") }?.address.kind == .alias)
    }

    @Test func `details and addresses of a domain are written with as what they are of`() throws {
        let identity = try identity("ANN+news@shop.test")
        #expect(identity.address.address.description == "ANN+news@shop.test" && identity.address.kind == .own)
        #expect(book().identity(for: Self.address("ann-news@shop.test")) == nil)
        let dashed = book { $0.separators["shop.test"] = .minus }
        #expect(dashed.identity(for: Self.address("ann-news@shop.test")) != nil)
        #expect(dashed.identity(for: Self.address("ann+news@shop.test")) == nil)
        // What is lent is lent without details, as submission has it.
        #expect(book().identity(for: Self.address("desk+x@shop.test")) == nil)
        let all = book {
            $0.settings[Self.address("*@fair.test")] = IdentitySettings(signature: MailSignature(text: "fair"))
        }
        #expect(try self.identity("anything@fair.test", all).signature.text == "fair")
        #expect(all.identity(for: Self.address("*@shop.test")) == nil)
        #expect(all.identity(for: Self.address("nobody@elsewhere.test")) == nil)
    }

    // MARK: - Which to take

    @Test(arguments: [
        (["sales@shop.test"], "sales@shop.test", IdentityBook.Reason.address),
        (["x7q@shop.test"], "x7q@shop.test", .address), (["ann+list@shop.test"], "ann+list@shop.test", .address),
        (["desk@shop.test", "ann@store.test"], "ann@store.test", .address),
        (["desk@shop.test"], "desk@shop.test", .address), (["stand@fair.test"], "stand@fair.test", .address),
        // Whoever may write on behalf of the boss answers as themselves.
        (["boss@shop.test"], "ann@shop.test", .domain), (["all@club.test"], "Ann.Smith@club.test", .domain),
        (["all@store.test"], "ann@store.test", .domain), (["who@elsewhere.test"], "ann@shop.test", .standard),
        ([], "ann@shop.test", .standard),
    ])
    func `an answer is from whom the message was for, else from the domain, else the usual`(
        _ row: (to: [String], from: String, reason: IdentityBook.Reason)
    ) throws {
        let found = try #require(book().proposal(writtenTo: row.to.map(Self.address)))
        #expect(found.identity.address.address.description == row.from && found.reason == row.reason)
    }

    @Test func `the usual address is the chosen one as long as it may be used`() throws {
        let chosen = book { $0.composing.defaultAddress = Self.address("ann.smith@club.test") }
        #expect(chosen.defaultAddress?.description == "Ann.Smith@club.test")
        #expect(chosen.proposal(writtenTo: [])?.identity.isDefault == true)
        #expect(
            book { $0.composing.defaultAddress = Self.address("gone@shop.test") }.defaultAddress
                == Self.ann.primaryAddress
        )
        let without = book { $0.addresses.removeAll { $0.address == Self.ann.primaryAddress } }
        #expect(without.defaultAddress?.description == "Ann.Smith@club.test")
        let nothing = IdentityBook(Self.ann, IdentityRecord())
        #expect(nothing.defaultAddress == nil && nothing.proposal(writtenTo: [Self.ann.primaryAddress]) == nil)
    }
}
