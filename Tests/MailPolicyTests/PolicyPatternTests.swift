import MailModel
import MailPolicy
import Testing

@Suite("Patterns of addresses and domains") struct PolicyPatternTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var pattern: String
        var address: String
        var isMatched: Bool
        var testDescription: String { "\(pattern) \(address)" }
        init(_ pattern: String, _ address: String, _ isMatched: Bool) {
            (self.pattern, self.address, self.isMatched) = (pattern, address, isMatched)
        }
    }

    @Test(arguments: [
        Row("shop.test", "ann@shop.test", true), Row("SHOP.test", "ann@shop.TEST", true),
        Row("shop.test", "ann@a.shop.test", false), Row("*.shop.test", "ann@a.shop.test", true),
        Row("*.shop.test", "ann@shop.test", false), Row("*.shop.test", "ann@ashop.test", false),
        Row("*", "ann@any.test", true), Row("ann@shop.test", "ann@shop.test", true),
        Row("ann@shop.test", "ann+list@shop.test", true), Row("ann@shop.test", "anna@shop.test", false),
        Row("shop.test", "ann@shop.test.evil.test", false),
    ]) func aPatternNamesWhatItSays(_ row: Row) throws {
        let pattern = try #require(AddressPattern(row.pattern))
        #expect(pattern.matches(try #require(EmailAddress(row.address))) == row.isMatched)
    }

    @Test(arguments: ["", "*.", "a b.test", "*.*", "x@", "shop.test\r\n", "shop\u{301}.te st", "*shop.test"])
    func whatIsNoPatternIsNone(_ text: String) {
        #expect(AddressPattern(text) == nil)
    }
}
