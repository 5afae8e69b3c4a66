extension IPNetwork {
    /// The network of that length that the address is in; nil for a length that its addresses do not have.
    package init?(of address: IPAddress, prefixLength: Int) {
        guard (0...address.bytes.count * 8).contains(prefixLength) else { return nil }
        var bytes = address.bytes
        for index in bytes.indices {
            let kept = min(8, max(0, prefixLength - index * 8))
            bytes[index] &= kept == 0 ? 0 : 0xFF << UInt8(8 - kept)
        }
        // ::ffff:0:0 and what is like it would be an IPv4 address.
        guard let first = IPAddress(bytes: bytes), first.bytes.count == bytes.count else { return nil }
        self.init("\(first)/\(prefixLength)")
    }

    /// The same network by its first address: `192.0.2.0/24` for `192.0.2.7/24`.
    package var masked: IPNetwork { IPNetwork(of: address, prefixLength: prefixLength) ?? self }

    package var isIPv4: Bool { address.isIPv4 }
}
