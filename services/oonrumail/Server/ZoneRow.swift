import Domains
import MailPorts
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

/// A plan, as commands print it.
struct ZonePlanRow: Encodable {
    struct Step: Encodable {
        var id: String
        var action: String
        var name: String
        var type: String
        var purpose: String
        var before: [String]
        var after: String?
        var reason: String
    }
    var plan: String
    var zone: String
    var changes: Int
    var steps: [Step]

    static func print(_ plan: ZonePlan, _ verb: String, _ options: StoreOptions) throws {
        let row = ZonePlanRow(
            plan: plan.id,
            zone: plan.zone,
            changes: plan.change.removals.count + plan.change.additions.count,
            steps: plan.steps.map {
                Step(
                    id: $0.id,
                    action: $0.action.rawValue,
                    name: $0.name,
                    type: $0.kind.rawValue,
                    purpose: $0.purpose,
                    before: $0.before,
                    after: $0.after,
                    reason: $0.reason
                )
            }
        )
        var table = TextTable(["ACTION", "STEP", "TYPE", "REASON"])
        for step in row.steps { table.add([step.action, step.id, step.type, step.reason]) }
        try options.show(
            row,
            "\(table.text)\n\(row.changes) records of the zone \(row.zone) \(verb); plan \(row.plan)"
        )
    }
}
