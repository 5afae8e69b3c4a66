extension IPAddress {
    /// What limits count as one client: the address, or all of its /64, which is the least that an IPv6 client has for itself
    /// (RFC 4291 §2.5.4).
    package var client: String {
        guard !isIPv4, let network = IPAddress(bytes: bytes[..<8] + [UInt8](repeating: 0, count: 8)) else {
            return description
        }
        return "\(network)/64"
    }
}
