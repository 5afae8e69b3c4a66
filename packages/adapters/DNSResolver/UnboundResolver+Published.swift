import MailModel
package import MailPorts

extension UnboundResolver: PublishedRecordReading {
    package func published(_ name: String, _ kind: DNSRecordKind) async throws(DNSError) -> PublishedValues {
        guard DNSName.isValid(name) else { throw .invalidName }
        let type: RecordType =
            switch kind {
            case .mx: .mx
            case .txt: .txt
            case .srv: .srv
            case .cname: .cname
            case .a: .a
            case .aaaa: .aaaa
            case .tlsa: .tlsa
            }
        let answer = try await engine.resolve(name, type, timeout: timeout).get()
        return PublishedValues(
            values: answer.records.prefix(Self.maximumRecords).compactMap { Self.text($0, kind) },
            ttl: answer.ttl,
            isAuthentic: answer.isAuthentic
        )
    }

    /// nil for what is no record of that kind.
    private static func text(_ data: [UInt8], _ kind: DNSRecordKind) -> String? {
        func number(_ place: Int) -> UInt16 { UInt16(data[place]) << 8 | UInt16(data[place + 1]) }
        switch kind {
        case .mx:
            guard data.count >= 3, let host = DNSName.text(data[2...]) else { return nil }
            return "\(number(0)) \(host)."
        case .srv:
            // RFC 2782: priority, weight, port, target.
            guard data.count >= 7, let host = DNSName.text(data[6...]) else { return nil }
            return "\(number(0)) \(number(2)) \(number(4)) \(host)."
        case .cname: return DNSName.text(data[...]).map { "\($0)." }
        case .txt: return joined(data)
        case .a: return data.count == 4 ? IPAddress(bytes: data)?.description : nil
        case .aaaa: return data.count == 16 ? IPAddress(bytes: data)?.description : nil
        case .tlsa:
            // RFC 6698 §2.1: usage, selector, matching type, association data.
            guard data.count > 3 else { return nil }
            let digits = Array("0123456789abcdef".utf8)
            let hex = data[3...].flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
            return "\(data[0]) \(data[1]) \(data[2]) \(String(decoding: hex, as: UTF8.self))"
        }
    }
}
