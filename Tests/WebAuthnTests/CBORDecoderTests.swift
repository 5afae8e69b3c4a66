import Testing
import WebAuthn

@Suite struct CBORDecoderTests {
    private struct Row: Sendable {
        var bytes: [UInt8]
        var value: CBORValue
        init(_ bytes: [UInt8], _ value: CBORValue) { (self.bytes, self.value) = (bytes, value) }
    }

    /// RFC 8949 appendix A, as far as it is taken.
    private static let examples: [Row] = [
        Row([0x00], .unsigned(0)), Row([0x17], .unsigned(23)), Row([0x18, 0x18], .unsigned(24)),
        Row([0x19, 0x03, 0xE8], .unsigned(1_000)), Row([0x1A, 0x00, 0x0F, 0x42, 0x40], .unsigned(1_000_000)),
        Row([0x1B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], .unsigned(.max)),
        Row([0x20], .negative(0)), Row([0x38, 0x63], .negative(99)), Row([0xF4], .boolean(false)),
        Row([0xF5], .boolean(true)), Row([0xF6], .null), Row([0x40], .bytes([])),
        Row([0x44, 1, 2, 3, 4], .bytes([1, 2, 3, 4])), Row([0x60], .text("")), Row([0x62, 0xC3, 0xBC], .text("ü")),
        Row([0x83, 1, 2, 3], .array([.unsigned(1), .unsigned(2), .unsigned(3)])),
        Row([0xA0], .map([])), Row([0xA1, 1, 2], .map([CBORPair(key: .unsigned(1), value: .unsigned(2))])),
    ]

    @Test func theExamplesOfTheRFCAreRead() throws {
        for row in Self.examples {
            #expect(try CBORDecoder.whole(row.bytes) == row.value)
            for length in 0..<row.bytes.count {
                #expect(throws: CBORFault.truncated) { try CBORDecoder.whole(Array(row.bytes[..<length])) }
            }
            #expect(throws: CBORFault.trailing) { try CBORDecoder.whole(row.bytes + [0]) }
        }
    }

    @Test func whatAuthenticatorsDoNotSendIsRefused() {
        // Indefinite lengths, a tag, floats, undefined, a reserved argument, no UTF-8, a key twice, a stray break.
        let refused: [[UInt8]] = [
            [0x5F, 0xFF], [0x9F, 0xFF], [0xBF, 0xFF], [0xC0, 0x60], [0xF9, 0, 0], [0xFB, 0, 0, 0, 0, 0, 0, 0, 0],
            [0xF7],
            [0x1C], [0x61, 0xFF], [0x62, 0xC3, 0x28], [0xA2, 1, 1, 1, 2], [0xFF],
        ]
        for bytes in refused { #expect(throws: CBORFault.refused) { try CBORDecoder.whole(bytes) } }
    }

    @Test func depthItemsAndOctetsAreBounded() throws {
        var limits = CBORLimits()
        limits.depth = 3
        limits.items = 10
        limits.octets = 100
        #expect(throws: Never.self) { try CBORDecoder.whole([0x81, 0x81, 0x81, 0x00], limits: limits) }
        #expect(throws: CBORFault.tooDeep) { try CBORDecoder.whole([0x81, 0x81, 0x81, 0x80], limits: limits) }
        let deep = [UInt8](repeating: 0x81, count: 60_000)
        #expect(throws: CBORFault.tooDeep) { try CBORDecoder.whole(deep) }
        #expect(throws: CBORFault.tooMany) {
            try CBORDecoder.whole([0x8B] + [UInt8](repeating: 0, count: 11), limits: limits)
        }
        #expect(throws: CBORFault.tooLong) { try CBORDecoder.whole([UInt8](repeating: 0, count: 101), limits: limits) }
        // Lengths that are not there make no room.
        for head in [0x5B, 0x7B, 0x9B, 0xBB] as [UInt8] {
            #expect(throws: CBORFault.truncated) {
                try CBORDecoder.whole([head, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0])
            }
        }
    }
}
