import MailModel

/// Values by network, found by address: one look for each length that is in it.
struct NetworkMap<Value> {
    private struct Key: Hashable {
        var high: UInt64
        var low: UInt64
        var length: UInt8
        var isIPv4: Bool

        /// The first `length` bits of the address.
        init(_ address: IPAddress, _ length: Int) {
            var (high, low): (UInt64, UInt64) = (0, 0)
            for (index, byte) in address.bytes.enumerated() {
                if index < 8 {
                    high |= UInt64(byte) << UInt64(56 - 8 * index)
                } else {
                    low |= UInt64(byte) << UInt64(120 - 8 * index)
                }
            }
            self.high = length >= 64 ? high : length == 0 ? 0 : high & (.max << UInt64(64 - length))
            self.low = length <= 64 ? 0 : length >= 128 ? low : low & (.max << UInt64(128 - length))
            self.length = UInt8(length)
            isIPv4 = address.isIPv4
        }
    }

    private var values: [Key: Value] = [:]
    /// How many networks of each length there are.
    private var lengths: (ipv4: [Int: Int], ipv6: [Int: Int]) = ([:], [:])

    var count: Int { values.count }

    subscript(network: IPNetwork) -> Value? {
        get { values[Key(network.address, network.prefixLength)] }
        set {
            let key = Key(network.address, network.prefixLength)
            let before = values.updateValueIfThere(newValue, key)
            let change = (newValue == nil ? 0 : 1) - (before ? 1 : 0)
            guard change != 0 else { return }
            if network.isIPv4 {
                lengths.ipv4[network.prefixLength] = Self.sum(lengths.ipv4[network.prefixLength], change)
            } else {
                lengths.ipv6[network.prefixLength] = Self.sum(lengths.ipv6[network.prefixLength], change)
            }
        }
    }

    private static func sum(_ count: Int?, _ change: Int) -> Int? {
        let sum = (count ?? 0) + change
        return sum > 0 ? sum : nil
    }

    /// Every value whose network the address is in.
    func covering(_ address: IPAddress) -> [Value] {
        guard !values.isEmpty else { return [] }
        return (address.isIPv4 ? lengths.ipv4 : lengths.ipv6).keys.compactMap { values[Key(address, $0)] }
    }

    /// Takes out what the condition holds for.
    mutating func remove(where isOver: (Value) -> Bool, network: (Value) -> IPNetwork) {
        for value in values.values.filter(isOver) { self[network(value)] = nil }
    }
}

extension Dictionary {
    /// Whether there was one before.
    fileprivate mutating func updateValueIfThere(_ value: Value?, _ key: Key) -> Bool {
        let before = self[key] != nil
        self[key] = value
        return before
    }
}
