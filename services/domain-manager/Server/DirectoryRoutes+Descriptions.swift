// Table: what /openapi.json says of directories of domains.

import HTTPKit
import MailPorts
import ServiceHost

extension DirectoryRoutes {
    private static let run = Schema.document(
        "DirectoryRun",
        [
            "started_at": .time, "ended_at": .time, "outcome": .text, "detail": .text, "seen": .integer,
            "made": .integer,
            "changed": .integer, "suspended": .integer, "restored": .integer, "skipped": .integer,
        ]
    )
    private static let connection = Schema.document(
        "DirectoryConnection",
        [
            "kind": .text, "enforced": .truth, "makes_accounts": .truth, "quota_bytes": .optional(.integer),
            "synchronised": .truth, "most_suspended": .integer, "set_by": .text, "version": .integer,
            "changed_at": .optional(.time), "has_secret": .truth, "url": .optional(.text),
            "start_tls": .optional(.truth),
            "authority": .optional(.text), "base": .optional(.text), "bind_name": .optional(.text),
            "filter": .optional(.text), "admits": .optional(.text), "id_attribute": .optional(.text),
            "address_attribute": .optional(.text),
            "alias_attributes": .optional(.list(.text)), "name_attribute": .optional(.text),
            "language_attribute": .optional(.text), "quota_attribute": .optional(.text),
            "disabled_attribute": .optional(.text), "person_query": .optional(.text),
            "password_query": .optional(.text), "people_query": .optional(.text), "last_run": .optional(run),
        ]
    )
    private static let line = Schema.document("DirectorySyncLine", ["email": .text, "what": .text])

    static func describe(_ set: inout RouteSet) {
        set.describe(
            "GET",
            path,
            RouteDescription(
                "A domain's directory, without its secret, and its last synchronisation",
                answers: [200: "It", 404: "The domain has none"],
                schemas: [200: connection]
            )
        )
        set.describe(
            "PUT",
            path,
            RouteDescription(
                "Puts a directory in force. Of kind ldap: url, base and filter; of kind sql, by platform administrators only: "
                    + "person_query, password_query and the database's address as secret. Without secret the one that is there "
                    + "stays, while it goes to the same place; other members that are left out get their standard. If-Match names "
                    + "the version it replaces",
                body: [
                    "kind", "enforced", "makes_accounts", "quota_bytes", "synchronised", "most_suspended", "secret",
                    "url",
                    "start_tls", "authority", "base", "bind_name", "filter", "admits", "id_attribute",
                    "address_attribute",
                    "alias_attributes", "name_attribute", "language_attribute", "quota_attribute", "disabled_attribute",
                    "person_query", "password_query", "people_query",
                ],
                answers: [200: "What is in force", 409: "The domain is suspended", 412: "Another version is in force"],
                types: [
                    "kind": .text, "enforced": .optional(.truth), "makes_accounts": .optional(.truth),
                    "quota_bytes": .optional(.integer), "synchronised": .optional(.truth),
                    "most_suspended": .optional(.integer), "secret": .optional(.text), "url": .optional(.text),
                    "start_tls": .optional(.truth), "authority": .optional(.text), "base": .optional(.text),
                    "bind_name": .optional(.text), "filter": .optional(.text), "admits": .optional(.text),
                    "id_attribute": .optional(.text), "address_attribute": .optional(.text),
                    "alias_attributes": .optional(.list(.text)),
                    "name_attribute": .optional(.text), "language_attribute": .optional(.text),
                    "quota_attribute": .optional(.text), "disabled_attribute": .optional(.text),
                    "person_query": .optional(.text), "password_query": .optional(.text),
                    "people_query": .optional(.text),
                ],
                required: ["kind"],
                schemas: [200: connection]
            )
        )
        set.describe(
            "DELETE",
            path,
            RouteDescription(
                "Ends that people come from the directory; accounts stay as they are",
                answers: [204: "Done"]
            )
        )
        set.describe(
            "POST",
            "\(path)/test",
            RouteDescription(
                "Asks the directory for an address; changes nothing",
                body: ["address"],
                answers: [200: "What was asked and found, step by step"],
                types: ["address": .text],
                required: ["address"],
                schemas: [200: CheckReportDocument.schema]
            )
        )
        set.describe(
            "POST",
            "\(path)/sync",
            RouteDescription(
                "Brings the domain's accounts to what the directory has, or says what that would do",
                body: ["dry_run"],
                answers: [
                    200: "What was done, and the first of the people",
                    409: "It is under way, or the domain is suspended",
                ],
                types: ["dry_run": .optional(.truth)],
                required: [],
                schemas: [200: .object(["dry_run": .truth, "run": run, "lines": .list(line)])]
            )
        )
        set.describe(
            "DELETE",
            "\(path)/people/{account}",
            RouteDescription(
                "Forgets which person of the directory an account is: the next one with its address is linked. Nothing else is changed",
                answers: [204: "Done", 404: "The account is not one of the directory's"]
            )
        )
    }
}
