/// The slots of a cluster and who has them.
struct RedisSlots: Sendable {
    static let count = 16_384
    typealias Endpoint = RedisOptions.Endpoint

    private(set) var endpoints: [Endpoint] = []
    /// Index into `endpoints`; -1 where nobody is known.
    private var owners = [Int16](repeating: -1, count: count)

    func owner(of slot: Int) -> Endpoint? { owners[slot] < 0 ? nil : endpoints[Int(owners[slot])] }

    mutating func set(_ slots: ClosedRange<Int>, _ endpoint: Endpoint) {
        let known = endpoints.firstIndex(of: endpoint)
        // More nodes than a cluster can have: an answer that makes no sense.
        guard known != nil || endpoints.count < 1_000 else { return }
        if known == nil { endpoints.append(endpoint) }
        let index = Int16(known ?? endpoints.count - 1)
        for slot in slots { owners[slot] = index }
    }

    /// The answer to CLUSTER SLOTS; nil when it is none, or names nobody.
    init?(_ reply: RedisReply, askedAt asked: Endpoint) {
        guard let ranges = reply.elements, !ranges.isEmpty else { return nil }
        for range in ranges {
            guard let parts = range.elements, parts.count >= 3, let first = parts[0].number, let last = parts[1].number,
                first >= 0, first <= last, last < Int64(Self.count), let master = parts[2].elements, master.count >= 2,
                let port = master[1].number, (1...65_535).contains(port)
            else { return nil }
            let host = master[0].text ?? ""
            // A node that does not know its own name gives none: it is where it was asked.
            set(
                Int(first)...Int(last),
                Endpoint(host: host.isEmpty || host == "?" ? asked.host : host, port: Int(port))
            )
        }
    }

    init() {}

    /// The slot of a key: of what stands in its first braces, if anything does.
    static func slot(of key: String) -> Int {
        let bytes = Array(key.utf8)
        var hashed = bytes[...]
        if let open = bytes.firstIndex(of: UInt8(ascii: "{")),
            let close = bytes[(open + 1)...].firstIndex(of: UInt8(ascii: "}")), close > open + 1
        {
            hashed = bytes[(open + 1)..<close]
        }
        return Int(crc16(hashed)) % count
    }

    /// CRC-16/XMODEM: polynomial 0x1021, from zero.
    static func crc16(_ bytes: some Sequence<UInt8>) -> UInt16 {
        bytes.reduce(0) { crc, byte in
            (0..<8).reduce(crc ^ UInt16(byte) << 8) { crc, _ in
                crc & 0x8000 != 0 ? crc << 1 ^ 0x1021 : crc << 1
            }
        }
    }
}

/// `MOVED 3999 host:port` and `ASK 3999 host:port`.
enum RedisRedirection: Equatable {
    case moved(slot: Int, RedisOptions.Endpoint)
    case ask(RedisOptions.Endpoint)

    /// nil for any other refusal.
    init?(_ text: String, from sender: RedisOptions.Endpoint) {
        let words = text.utf8.split(separator: 32).map { String(decoding: $0, as: UTF8.self) }
        guard words.count == 3, let slot = Int(words[1]), (0..<RedisSlots.count).contains(slot),
            let colon = words[2].utf8.lastIndex(of: 58), let port = Int(words[2][words[2].utf8.index(after: colon)...]),
            (1...65_535).contains(port)
        else { return nil }
        let host = String(words[2][..<colon])
        let endpoint = RedisOptions.Endpoint(host: host.isEmpty ? sender.host : host, port: port)
        switch words[0] {
        case "MOVED": self = .moved(slot: slot, endpoint)
        case "ASK": self = .ask(endpoint)
        default: return nil
        }
    }
}
