import SieveScript
import Testing

@Suite struct SieveLimitsTests {
    @Test func `A script over its length is refused`() {
        var limits = SieveLimits()
        limits.scriptLength = 8
        #expect(throws: SieveFault.self) { try SieveScript(Array("keep; # more".utf8), limits: limits) }
    }
}
