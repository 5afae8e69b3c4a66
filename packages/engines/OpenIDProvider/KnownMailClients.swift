/// The mail programs that register themselves on this platform: those of the table, and what its operator changes of it.
package struct KnownMailClients: Sendable {
    package enum Change: Hashable, Sendable {
        /// A program that takes answers at an address of its maker's scheme; of one name there may be several.
        case add(name: String, address: String)
        /// One of the table by its name, or `loopback` for all programs that take answers at loopback addresses.
        case remove(name: String)
    }

    package static let standard = KnownMailClients(KnownMailClient.all)
    /// What takes away all that have no scheme of their own: nothing tells one of them from another.
    package static let loopback = "loopback"
    /// Octets of the path of a loopback address.
    package static let longestPath = 64

    package let clients: [KnownMailClient]
    private let takesLoopback: Bool

    private init(_ clients: [KnownMailClient]) {
        self.clients = clients
        takesLoopback = clients.contains { $0.answers == .loopback }
    }

    /// The table with changes; those that take something away come first.
    ///
    /// - Returns: nil, with the first name that the table does not have, when one that is not there should go.
    package static func standard(with changes: [Change]) -> (known: KnownMailClients?, unknown: String?) {
        var clients = KnownMailClient.all
        for case .remove(let name) in changes {
            let before = clients.count
            clients.removeAll { client in
                switch client.answers {
                case .loopback: name.utf8.elementsEqual(loopback.utf8)
                case .schemes: client.name.utf8.elementsEqual(name.utf8)
                }
            }
            guard clients.count < before else { return (nil, name) }
        }
        for case .add(let name, let address) in changes { clients.append(KnownMailClient(name, .schemes([address]))) }
        return (KnownMailClients(clients), nil)
    }

    /// The program whose scheme an answer goes to; nil for loopback addresses and what is not known.
    package func owner(ofRedirect text: String) -> KnownMailClient? {
        clients.first { client in
            guard case .schemes(let known) = client.answers else { return false }
            return known.contains { $0.utf8.elementsEqual(text.utf8) }
        }
    }

    /// The address as it is kept: of a loopback address without its port, which is the program's choice each time
    /// (RFC 8252 §7.3); nil for what no known mail program uses.
    package func normalised(redirect text: String) -> String? {
        if owner(ofRedirect: text) != nil { return text }
        return takesLoopback ? Self.loopback(text) : nil
    }

    // loopback = "http://" ( "127.0.0.1" / "[::1]" / "localhost" ) [ ":" port ] [ "/" *( unreserved / "/" ) ]
    private static func loopback(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        for host in ["127.0.0.1", "[::1]", "localhost"] {
            let beginning = Array("http://\(host)".utf8)
            guard bytes.starts(with: beginning) else { continue }
            var rest = bytes[beginning.count...]
            if rest.first == UInt8(ascii: ":") {
                let port = rest.dropFirst().prefix { (48...57).contains($0) }
                guard (1...5).contains(port.count), let number = Int(String(decoding: port, as: UTF8.self)),
                    (1...65_535).contains(number)
                else { return nil }
                rest = rest.dropFirst(1 + port.count)
            }
            guard rest.first.map({ $0 == UInt8(ascii: "/") }) ?? true, rest.count <= longestPath,
                rest.allSatisfy(isOfPath)
            else { return nil }
            return String(decoding: beginning + rest, as: UTF8.self)
        }
        return nil
    }

    /// RFC 3986 §2.3, and the slash.
    private static func isOfPath(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"), UInt8(ascii: "/"):
            true
        default: false
        }
    }
}
