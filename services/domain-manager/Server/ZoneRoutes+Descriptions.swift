// Table: what /openapi.json says of writing the records of domains.

import Domains
import HTTPKit
import ServiceHost

extension ZoneRoutes {
    static let state = Schema.document(
        "ZoneState",
        [
            "written_at": .optional(.time), "fault": .optional(.text), "failing_since": .optional(.time),
            "failures": .integer, "next_at": .optional(.time),
        ]
    )
    private static let connection = Schema.document(
        "ZoneConnection",
        [
            "zone": .text, "server": .text, "port": .integer, "key_name": .text, "algorithm": .text,
            "automatic": .truth, "repairs_drift": .truth, "removes_records": .truth, "version": .integer,
            "changed_at": .optional(.time), "state": state,
        ]
    )
    private static let step = Schema.document(
        "ZonePlanStep",
        [
            "id": .text, "action": .text, "name": .text, "type": .text, "purpose": .text, "before": .list(.text),
            "after": .optional(.text), "reason": .text,
        ]
    )
    private static let plan = Schema.document(
        "ZonePlan",
        ["plan": .text, "zone": .text, "changes": .integer, "steps": .list(step)]
    )

    /// Names which organisation's claim is meant, of a platform administrator.
    private static let organisation = ["organisation_id"]

    static func describe(_ set: inout RouteSet) {
        set.describe(
            "GET",
            "\(path)/connection",
            RouteDescription(
                "The connection with a name server that covers the domain, without the key's secret, and how writing goes",
                query: organisation,
                answers: [200: "It", 404: "None covers the domain"],
                schemas: [200: connection]
            )
        )
        set.describe(
            "PUT",
            "\(path)/connection",
            RouteDescription(
                "Puts a connection in force for a zone, which is the domain's name or one that it is below, and with it for every "
                    + "domain of the organisation in that zone. Without secret the one that is there stays, while server and key "
                    + "do; other members that are left out get their standard. If-Match names the version it replaces",
                body: [
                    "zone", "server", "port", "key_name", "algorithm", "secret", "automatic", "repairs_drift",
                    "removes_records",
                ],
                query: organisation,
                answers: [200: "What is in force", 412: "Another version is in force"],
                types: [
                    "zone": .optional(.text), "server": .text, "port": .optional(.integer), "key_name": .text,
                    "algorithm": .optional(.text), "secret": .optional(.text), "automatic": .optional(.truth),
                    "repairs_drift": .optional(.truth), "removes_records": .optional(.truth),
                ],
                required: ["server", "key_name"],
                schemas: [200: connection]
            )
        )
        set.describe(
            "DELETE",
            "\(path)/connection",
            RouteDescription(
                "Forgets the connection; records stay in the zone",
                query: organisation,
                answers: [204: "Done"]
            )
        )
        set.describe(
            "POST",
            "\(path)/connection/check",
            RouteDescription(
                "Tries the connection: whether the server serves the zone, takes the key, and lets it change the domain's names",
                query: organisation,
                answers: [200: "What was tried, step by step"],
                schemas: [200: CheckReportDocument.schema]
            )
        )
        set.describe(
            "GET",
            "\(path)/plan",
            RouteDescription(
                "What writing the domain's records would change of its zone now, and what it would leave; changes nothing. "
                    + "replace names steps, between commas, of which somebody else's records are to be replaced",
                query: ["replace"] + organisation,
                answers: [200: "The plan", 502: "The name server did not answer, or refused"],
                types: ["replace": .text],
                schemas: [200: plan]
            )
        )
        set.describe(
            "POST",
            "\(path)/write",
            RouteDescription(
                "Writes the domain's records, all or none. plan is that of the plan that was shown: nothing is written when it "
                    + "would be another by now. replace lists steps by their id, of which somebody else's records are replaced",
                body: ["plan", "replace"],
                query: organisation,
                answers: [
                    200: "What was done", 409: "The plan is stale", 502: "The name server did not answer, or refused",
                ],
                types: ["plan": .optional(.text), "replace": .optional(.list(.text))],
                required: [],
                schemas: [200: plan]
            )
        )
    }
}
