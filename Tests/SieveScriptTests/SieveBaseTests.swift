import SieveScript
import Testing

@Suite struct SieveBaseTests {
    @Test func `A script without actions keeps the message (RFC 5228 §2.10.2)`() throws {
        let outcome = try Running.outcome("")
        #expect(outcome.actions == [.keep(flags: nil)] && outcome.isImplicitlyKept)
        #expect(try !Running.outcome("keep; keep;").isImplicitlyKept)
        #expect(try Running.actions("keep; keep;") == [.keep(flags: nil)])
    }

    @Test func `Actions cancel the implicit keep, copies do not (RFC 3894)`() throws {
        #expect(try Running.actions("discard;") == [.discard])
        #expect(try Running.actions("redirect \"a@b.test\";") == [.redirect(SieveRedirect(address: "a@b.test"))])
        #expect(
            try Running.actions("require \"copy\"; redirect :copy \"a@b.test\";") == [
                .redirect(SieveRedirect(address: "a@b.test", isCopy: true)), .keep(flags: nil),
            ]
        )
        #expect(try Running.actions("require \"fileinto\"; fileinto \"A\"; fileinto \"A\"; stop; keep;").count == 1)
    }

    @Test func `A text of several lines loses its dots and keeps its line ends (RFC 5228 §2.4.2)`() throws {
        let script = "require \"reject\"; reject text: # why\n..one\n.two\nthree.\n.\n;"
        #expect(
            try Running.actions(script) == [.reject(text: ".one\r\n.two\r\nthree.\r\n", isExtended: false)]
        )
    }

    @Test(arguments: [
        "header :is \"subject\" \"GRÜßE FROM AFAR\"", "header :comparator \"i;octet\" \"subject\" \"grüße from afar\"",
        "header :matches \"subject\" \"Gr??e\"", "header :matches \"x-number\" \"4\\\\?\"",
        "address :domain \"to\" \"example\"", "exists [\"from\", \"bcc\"]", "size :over 1M", "not true",
        "anyof (false, false)", "allof (true, false)", "header :contains \"x-none\" \"\"",
        "address \"from\" \"Sender, The\"",
    ]) func `A test that does not hold`(test: String) throws {
        #expect(try !Running.holds("\"copy\"", test))
    }

    @Test(arguments: [
        "header :is \"subject\" \"grüße FROM afar\"", "header :matches \"subject\" \"Gr??e*\"",
        "header :matches \"subject\" \"*from*\"", "header :contains \"subject\" \"\"",
        "header :matches \"x-number\" \"4?\"",
        "address :domain \"to\" \"sub.example.test\"", "address :localpart \"from\" \"sender+list\"",
        "address :all [\"cc\", \"to\"] \"other@sub.example.test\"", "exists [\"from\", \"to\"]", "size :under 1K",
        "allof (true, not false)", "header :is [\"x\", \"x-twice\"] [\"y\", \"second\"]",
    ]) func `A test that holds`(test: String) throws {
        #expect(try Running.holds("\"copy\"", test))
    }

    @Test func `The null reverse-path is empty in every part (RFC 5228 §5.4)`() throws {
        var facts = Running.facts()
        facts.envelopeFrom = ""
        for part in ["all", "localpart", "domain"] {
            #expect(try Running.holds("\"envelope\"", "envelope :\(part) \"from\" \"\"", facts: facts))
        }
        #expect(try Running.holds("\"envelope\"", "envelope :domain \"to\" \"example.test\"", facts: facts))
        #expect(try !Running.holds("\"envelope\"", "envelope :contains \"auth\" \"\"", facts: facts))
    }

    @Test func `Combining marks change neither quotes nor commas`() throws {
        let message = "To: \"a\u{301}\u{301}\"\u{301} <x@example.test>, y@example.test,\u{301} z\n\nx"
        #expect(try Running.holds("\"copy\"", "address \"to\" \"y@example.test\"", message: message))
        #expect(Running.fault("keep \"a\"\u{301};") != nil)
    }

    @Test func `A value that becomes known in the run is checked then, at its line`() throws {
        let redirect = "require \"variables\";\n  redirect \"${none}\";"
        let fault = try Running.runFault(redirect)
        #expect(fault?.reason == .value && fault?.line == 2 && fault?.column == 3)
        let bad = "require [\"variables\", \"encoded-character\", \"fileinto\"]; fileinto \"A${hex:ff}\";"
        #expect(try Running.runFault(bad)?.reason == .value)
        #expect(Running.fault("require \"encoded-character\"; redirect \"a@b.test${hex:0d 0a}\";") != nil)
    }
}
