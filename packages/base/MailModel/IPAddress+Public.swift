extension IPAddress {
    /// Networks that lead to this machine, to its neighbours, or nowhere (RFC 6890 and the registries that it made).
    private static let special: [IPNetwork] = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/3", "::/8", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
        "5f00::/16", "fc00::/7", "fe80::/9", "ff00::/8",
    ].compactMap { IPNetwork($0) }

    private static let translated = IPNetwork("64:ff9b::/96")

    /// Whether it is an address of the public Internet, as far as it can be told from the address alone.
    ///
    /// An IPv6 address that stands for an IPv4 address (RFC 6052) is what that one is.
    package var isPublic: Bool {
        if let translated = Self.translated, translated.contains(self),
            let inner = IPAddress(bytes: Array(bytes[12...]))
        {
            return inner.isPublic
        }
        return !Self.special.contains { $0.contains(self) }
    }
}
