/// One data item of CBOR (RFC 8949), as far as authenticators use it.
///
/// Tags, floating-point numbers and indefinite lengths are refused: CTAP2 has none of them in what is read here.
package indirect enum CBORValue: Hashable, Sendable {
    case unsigned(UInt64)
    /// Stands for `-1 - value` (RFC 8949 §3.1).
    case negative(UInt64)
    case bytes([UInt8])
    case text(String)
    case array([CBORValue])
    /// In the order in which it came; no key twice.
    case map([CBORPair])
    case boolean(Bool)
    case null

    /// The value of a whole-number key, as COSE has them.
    package func member(_ label: Int64) -> CBORValue? { member(Self.integer(label)) }
    package func member(_ name: String) -> CBORValue? { member(.text(name)) }

    private func member(_ key: CBORValue) -> CBORValue? {
        guard case .map(let pairs) = self else { return nil }
        return pairs.first { $0.key == key }?.value
    }

    package static func integer(_ value: Int64) -> CBORValue {
        value < 0 ? .negative(UInt64(-1 - value)) : .unsigned(UInt64(value))
    }

    package var octets: [UInt8]? { if case .bytes(let octets) = self { octets } else { nil } }
    package var string: String? { if case .text(let text) = self { text } else { nil } }

    /// nil for what is no number, or none that fits.
    package var number: Int64? {
        switch self {
        case .unsigned(let value): Int64(exactly: value)
        case .negative(let value): Int64(exactly: value).map { -1 - $0 }
        case .bytes, .text, .array, .map, .boolean, .null: nil
        }
    }
}

package struct CBORPair: Hashable, Sendable {
    package var key: CBORValue
    package var value: CBORValue
    package init(key: CBORValue, value: CBORValue) { (self.key, self.value) = (key, value) }
}

/// Bounds on what is decoded; an item beyond them is refused.
package struct CBORLimits: Sendable {
    /// Arrays and maps in each other; attestation statements need three.
    package var depth = 4
    /// Data items altogether.
    package var items = 256
    /// Octets of the whole.
    package var octets = 65_536
    package init() {}
}

package enum CBORFault: Error, Equatable, Sendable {
    case truncated
    case tooDeep
    case tooMany
    case tooLong
    /// Well formed, but nothing that is taken here: a tag, a float, an indefinite length, text that is no UTF-8, a key twice.
    case refused
    /// Octets follow the item that was to be the whole.
    case trailing
}
