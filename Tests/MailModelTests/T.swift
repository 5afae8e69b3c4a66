import Testing
@Test func loads() { #expect(Bool(true)) }
