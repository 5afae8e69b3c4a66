import DNSWire
import MailPorts

/// A change as the sections of an update.
enum ZoneUpdateRecords {
    /// RFC 2136 §2.4.
    static func prerequisites(
        _ requirements: [ZoneChange.Requirement]
    ) throws(ZoneFault) -> [DNSMessage.Record] {
        var records: [DNSMessage.Record] = []
        for requirement in requirements {
            switch requirement {
            // §2.4.5: name is not in use.
            case .unused(let name): records.append(try record(name, DNSNumber.any, DNSNumber.classNone))
            // §2.4.3: RRset does not exist.
            case .absent(let set): records.append(try record(set.name, set.kind.number, DNSNumber.classNone))
            // §2.4.2: RRset exists, value dependent.
            case .exactly(let set, let found):
                for one in found {
                    records.append(
                        try record(set.name, set.kind.number, DNSNumber.classIN, data: try data(of: one))
                    )
                }
            }
        }
        return records
    }

    /// RFC 2136 §2.5: removals first, as changes are made in their order (§3.4.2).
    static func changes(_ change: ZoneChange) throws(ZoneFault) -> [DNSMessage.Record] {
        var records: [DNSMessage.Record] = []
        // §2.5.4: delete an RR from an RRset.
        for one in change.removals {
            records.append(
                try record(one.set.name, one.set.kind.number, DNSNumber.classNone, data: try data(of: one))
            )
        }
        // §2.5.1: add to an RRset.
        for one in change.additions {
            records.append(
                try record(
                    one.set.name,
                    one.set.kind.number,
                    DNSNumber.classIN,
                    ttl: UInt32(clamping: one.ttl),
                    data: try data(of: one)
                )
            )
        }
        return records
    }

    private static func record(
        _ name: String,
        _ type: UInt16,
        _ group: UInt16,
        ttl: UInt32 = 0,
        data: [UInt8] = []
    ) throws(ZoneFault) -> DNSMessage.Record {
        guard let name = WireName(name) else { throw .unwritable(name) }
        return DNSMessage.Record(name: name, type: type, group: group, ttl: ttl, data: data)
    }

    private static func data(of record: ZoneRecord) throws(ZoneFault) -> [UInt8] {
        if let data = record.data { return data }
        guard let data = RecordData.octets(record.set.kind.number, record.value) else {
            throw .unwritable("\(record.set.name) \(record.set.kind.rawValue)")
        }
        return data
    }
}
