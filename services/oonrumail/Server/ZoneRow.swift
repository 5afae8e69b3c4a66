import Domains
import MailPorts
import ServiceHost
import Telemetry

/// A connection with a name server, as commands print it; never with its secret.
struct ZoneRow: Encodable {
    var zone: String
    var server: String
    var port: Int
    var keyName: String
    var algorithm: String
    var automatic: Bool
    var repairsDrift: Bool
    var removesRecords: Bool
    var writtenAt: String?
    var fault: String?
    var failures: Int

    static func print(_ found: ZoneConnection, _ state: ZoneState?, _ options: StoreOptions) throws {
        let row = ZoneRow(
            zone: found.zone,
            server: found.host,
            port: Int(found.port),
            keyName: found.keyName,
            algorithm: found.algorithm.rawValue,
            automatic: found.isAutomatic,
            repairsDrift: found.repairsDrift,
            removesRecords: found.removesRecords,
            writtenAt: state?.writtenAt.map { RFC3339.text($0) },
            fault: state?.fault,
            failures: state?.failures ?? 0
        )
        var table = TextTable(["MEMBER", "VALUE"])
        table.add(["zone", row.zone])
        table.add(["server", "\(row.server), port \(row.port)"])
        table.add(["key", "\(row.keyName) (\(row.algorithm))"])
        table.add(["written", row.automatic ? "automatically" : "when asked for"])
        table.add(["changed by others", row.repairsDrift ? "set right again" : "reported"])
        table.add(["deleted domains", row.removesRecords ? "their records go" : "their records stay"])
        table.add(["last written", row.writtenAt ?? "-"])
        table.add(["fault", row.fault ?? "-"])
        try options.show(row, table.text)
    }
}

extension ZonePlanDocument {
    func print(_ verb: String, _ options: StoreOptions) throws {
        var table = TextTable(["ACTION", "STEP", "TYPE", "REASON"])
        for step in steps { table.add([step.action, step.id, step.type, step.reason]) }
        try options.show(self, "\(table.text)\n\(changes) records of the zone \(zone) \(verb); plan \(plan)")
    }
}
