import DirectoryLDAP
import MailModel
import Testing

@Suite("LDAP filters") struct LDAPFilterTests {
    private func address(_ local: String) -> EmailAddress {
        EmailAddress(uncheckedLocalPart: local, domain: "shop.test")
    }

    @Test func `what is put in is a value, whatever it holds`() throws {
        let filter = try #require(LDAPFilter("(&(objectClass=person)(|(mail={address})(uid={local})))"))
        #expect(
            filter.text(for: address("*)(uid=*"))
                == "(&(objectClass=person)(|(mail=\\2a\\29\\28uid\\3d\\2a@shop.test)(uid=\\2a\\29\\28uid\\3d\\2a)))"
        )
        #expect(filter.text(for: address("ann")) == "(&(objectClass=person)(|(mail=ann@shop.test)(uid=ann)))")
        #expect(filter.text(everybodyOf: "shop.test") == "(&(objectClass=person)(|(mail=*@shop.test)(uid=*)))")
    }

    @Test func `every special octet of RFC 4515 is escaped, and those that are no ASCII`() {
        #expect(LDAPFilter.escaped("a*()\\\0b") == "a\\2a\\28\\29\\5c\\00b")
        #expect(LDAPFilter.escaped("ü\u{301}") == "\\c3\\bc\\cc\\81")
        #expect(LDAPFilter.escaped("ann.lee-1_+@x") == "ann.lee-1_+@x")
        for scalar in (0...127).compactMap({ Unicode.Scalar($0) }) {
            let text = LDAPFilter.escaped(String(scalar))
            #expect(
                !text.utf8.contains { "*()\0".utf8.contains($0) } && (text.utf8.first != 92 || text.utf8.count == 3)
            )
        }
    }

    @Test(arguments: [
        "", "mail={address}", "(mail={address}", "(mail={address}))", "(mail={mail})", "(mail={address)",
        "(a=b)(c={local})",
        "(mail=\n{address})",
    ])
    func `what is no filter is refused`(_ text: String) {
        #expect(LDAPFilter(text) == nil)
    }

    @Test func `a filter names a person or it does not`() {
        #expect(LDAPFilter("(memberOf=cn=mail,dc=shop,dc=test)")?.namesPerson == false)
        #expect(LDAPFilter("(uid={local})")?.namesPerson == true)
    }

    @Test func `a place is a host and a port, and nothing else`() {
        #expect(
            LDAPPlace("ldaps://ldap.shop.test").map { [$0.host, "\($0.port)", "\($0.isSecure)"] } == [
                "ldap.shop.test", "636", "true",
            ]
        )
        #expect(
            LDAPPlace("ldap://127.0.0.1:3389/").map { [$0.host, "\($0.port)", "\($0.isSecure)"] } == [
                "127.0.0.1", "3389", "false",
            ]
        )
        #expect(LDAPPlace("ldap://[::1]")?.port == 389 && LDAPPlace("ldap://[::1]:80")?.port == 80)
        for text in [
            "http://a.test", "ldap://", "ldapi:///", "ldap://a.test/dc=x", "ldap://u:p@a.test", "ldap://a.test?x",
        ] {
            #expect(LDAPPlace(text) == nil, "\(text)")
        }
    }
}
