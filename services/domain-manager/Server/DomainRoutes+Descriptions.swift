// Table: what /openapi.json says of this service's routes.

import Domains
import HTTPKit
import MailModel
import MailPorts
import ServiceHost

extension DomainRoutes {
    private static let record = Schema.document(
        "Record",
        ["name": .text, "type": .text, "value": .text, "ttl": .integer]
    )
    private static let domain = Schema.document(
        "Domain",
        [
            "name": .text, "organisation_id": .integer, "created_at": .time, "reason": .optional(.text),
            "status": .choice(DomainListing.Status.allCases.map(\.rawValue)), "removed_at": .optional(.time),
            "challenge": .optional(.object(["name": .text, "txt": .text, "cname": .text, "expires_at": .time])),
            "dns_records": .optional(.list(record)),
        ]
    )
    private static let account = Schema.document(
        "Account",
        [
            "id": .integer, "email": .text, "display_name": .text, "role": .choice(Role.allCases.map(\.rawValue)),
            "status": .choice(Account.Status.allCases.map(\.rawValue)), "quota_bytes": .optional(.integer),
            "used_bytes": .integer, "used_messages": .integer, "created_at": .time, "has_password": .truth,
        ]
    )
    private static let key = Schema.document(
        "SigningKey",
        [
            "selector": .text, "algorithm": .text, "state": .text, "created_at": .time, "removed_at": .optional(.time),
            "record_name": .text, "record_text": .text,
        ]
    )
    private static let report = Schema.document(
        "DomainReport",
        [
            "domain": .text, "status": .text, "checked_at": .time, "resolver": .text,
            "records": .list(
                .object([
                    "name": .text, "type": .text, "purpose": .text, "expected": .text, "found": .list(.text),
                    "ttl": .optional(.integer), "is_secure": .truth, "status": .text, "advice": .text,
                ])
            ),
            "writing": .optional(ZoneRoutes.state),
        ]
    )
    /// Names which organisation's claim is meant, of a platform administrator.
    private static let organisation = ["organisation_id"]
    private static let noDomain = [404: "There is no such domain, or it is another organisation's"]

    static func describe(_ set: inout RouteSet) {
        describeDomains(&set)
        describeSteps(&set)
        describeRecords(&set)
        describeKeys(&set)
    }

    private static func describeDomains(_ set: inout RouteSet) {
        let health = Schema.object(["status": .text, "checks": .optional(.list(.map(.anything)))])
        set.describe(
            "GET",
            "/api/domains/health",
            RouteDescription(
                "Whether the service is well",
                isOpen: true,
                answers: [200: "It is", 503: "It is not"],
                schemas: [200: health]
            )
        )
        set.describe(
            "GET",
            "/api/domains",
            RouteDescription(
                "Domains of one's organisation, or of all for an operator of the platform",
                query: ["limit", "after", "sort", "status", "name", "organisation_id"],
                answers: [200: "A page", 403: "The caller is a member"],
                types: [
                    "status": .words(DomainListing.Status.self), "sort": .sort(DomainListing.Sort.self),
                ],
                schemas: [200: .page("domains", of: domain)]
            )
        )
        set.describe(
            "POST",
            "/api/domains",
            RouteDescription(
                "Add a domain: pending until it is proved, or verified when an operator vouches for it",
                body: ["name", "organisation_id", "verified"],
                answers: [201: "The domain, with the challenge or the records", 409: "The name is taken"],
                required: ["name"],
                schemas: [201: domain]
            )
        )
        set.describe(
            "GET",
            "/api/domains/{name}",
            RouteDescription(
                "A domain with the records to publish",
                query: organisation,
                answers: [200: "The domain"].merging(noDomain) { first, _ in first },
                schemas: [200: domain]
            )
        )
        set.describe(
            "GET",
            "/api/domains/{name}/accounts",
            RouteDescription(
                "Accounts of a domain",
                query: ["limit", "after", "sort", "status", "role", "email"],
                answers: [200: "A page"].merging(noDomain) { first, _ in first },
                types: [
                    "status": .words(Account.Status.self), "role": .words(Role.self),
                    "sort": .sort(AccountListing.Sort.self),
                ],
                schemas: [200: .page("accounts", of: account)]
            )
        )
        set.describe(
            "POST",
            "/api/domains/{name}/accounts",
            RouteDescription(
                "Make an account in a domain",
                body: ["email", "password", "display_name", "role", "quota_bytes"],
                answers: [201: "The account", 403: "The role is above one's own", 409: "The address is taken"],
                required: ["email", "password"],
                schemas: [201: account]
            )
        )
    }

    private static func describeSteps(_ set: inout RouteSet) {
        func step(_ path: String, _ summary: String, query: [String] = [], _ refusal: String) {
            set.describe(
                "POST",
                "/api/domains/{name}/\(path)",
                RouteDescription(
                    summary,
                    query: query,
                    answers: [200: "The domain", 409: refusal].merging(noDomain) { first, _ in first },
                    schemas: [200: domain]
                )
            )
        }
        step("verify", "Look for the proof in DNS", query: organisation, "Another organisation has proved it")
        step("challenge", "A new challenge for a pending domain", query: organisation, "It waits for no proof")
        step("resume", "End a suspension; for operators of the platform", "It is not suspended")
        step("restore", "Take a deleted domain back, before it is removed", "It is not deleted")
        set.describe(
            "POST",
            "/api/domains/{name}/suspend",
            RouteDescription(
                "Suspend a domain; for operators of the platform",
                body: ["reason"],
                answers: [200: "The domain", 403: "The caller is no operator"],
                types: ["reason": .boundedText(1...500)],
                required: ["reason"],
                schemas: [200: domain]
            )
        )
        set.describe(
            "DELETE",
            "/api/domains/{name}",
            RouteDescription(
                "Delete a domain, to be removed after a grace; a claim goes at once",
                query: organisation,
                answers: [200: "The domain", 204: "The claim is gone", 409: "One's own account is in it"],
                schemas: [200: domain]
            )
        )
    }

    private static func describeRecords(_ set: inout RouteSet) {
        set.describe(
            "GET",
            "/api/domains/{name}/dns",
            RouteDescription(
                "What the domain publishes now, record by record, with advice",
                query: organisation,
                answers: [200: "The report", 409: "The domain is not proved", 429: "It was checked too often"],
                schemas: [200: report]
            )
        )
        let state = Schema.object(["since": .time, "last_seen": .time, "status": .text, "records": .list(.text)])
        set.describe(
            "GET",
            "/api/domains/{name}/dns/history",
            RouteDescription(
                "What the domain published before",
                query: ["limit", "after", "sort", "status"] + organisation,
                answers: [200: "A page"].merging(noDomain) { first, _ in first },
                types: ["sort": .sort("since", "last_seen")],
                schemas: [200: .page("history", of: state)]
            )
        )
        set.describe(
            "GET",
            "/api/domains/{name}/zone",
            RouteDescription(
                "The records to publish, as a zone file (text/dns)",
                query: organisation,
                answers: [200: "The file"].merging(noDomain) { first, _ in first }
            )
        )
    }

    private static func describeKeys(_ set: inout RouteSet) {
        let algorithms = Schema.choice(DKIMKey.Algorithm.allCases.map(\.rawValue))
        let keys = Schema.page("keys", of: key)
        set.describe(
            "GET",
            "/api/domains/{name}/dkim",
            RouteDescription(
                "Signing keys of a domain",
                query: ["limit", "after", "sort", "state", "algorithm"] + organisation,
                answers: [200: "A page"].merging(noDomain) { first, _ in first },
                types: [
                    "algorithm": algorithms, "state": .words(DKIMKey.State.self),
                    "sort": .sort("created_at", "selector"),
                ],
                schemas: [200: keys]
            )
        )
        set.describe(
            "POST",
            "/api/domains/{name}/dkim",
            RouteDescription(
                "Make new keys, to be published before they sign",
                body: ["algorithm"],
                query: organisation,
                answers: [201: "All keys", 409: "New ones wait already"],
                types: ["algorithm": algorithms],
                schemas: [201: keys]
            )
        )
        set.describe(
            "POST",
            "/api/domains/{name}/dkim/import",
            RouteDescription(
                "Take a private key in PEM that was used elsewhere, to be seen in DNS before it signs",
                body: ["selector", "private_key"],
                query: organisation,
                answers: [201: "All keys", 409: "The selector is taken", 422: "The key is not taken"],
                required: ["selector", "private_key"],
                schemas: [201: keys]
            )
        )
        set.describe(
            "POST",
            "/api/domains/{name}/dkim/delegate",
            RouteDescription(
                "Make keys in the operator's zone; the owner publishes aliases once",
                query: organisation,
                answers: [201: "All keys", 422: "There is no such zone, or the domain delegates already"],
                schemas: [201: keys]
            )
        )
        set.describe(
            "GET",
            "/api/domains/dkim-zone",
            RouteDescription(
                "The operator's zone of delegated signing keys (text/dns); for operators of the platform",
                answers: [200: "The records", 403: "The caller is no operator", 404: "There is no such zone"]
            )
        )
        for (word, summary) in [("activate", "Sign with a key that DNS shows"), ("retire", "Sign with it no more")] {
            set.describe(
                "POST",
                "/api/domains/{name}/dkim/{selector}/\(word)",
                RouteDescription(
                    summary,
                    query: organisation,
                    answers: [200: "All keys", 404: "There is no such key", 409: "Its state does not allow it"],
                    schemas: [200: keys]
                )
            )
        }
    }
}

extension DiscoveryRoutes {
    static func describe(_ set: inout RouteSet) {
        func describe(_ method: String, _ path: String, _ summary: String, query: [String] = []) {
            set.describe(
                method,
                path,
                RouteDescription(
                    summary,
                    isOpen: true,
                    query: query,
                    answers: [200: "It", 404: "The domain's mail is not here"]
                )
            )
        }
        describe("GET", "/.well-known/mta-sts.txt", "The domain's MTA-STS policy, at the host mta-sts.DOMAIN")
        for path in ["/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml"] {
            describe("GET", path, "Settings for Thunderbird", query: ["emailaddress"])
        }
        for path in ["/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml"] {
            describe("POST", path, "Settings for Outlook; the question is XML")
        }
        describe(
            "GET",
            "/autodiscover/autodiscover.json",
            "Where Outlook asks for settings",
            query: ["Email", "email"]
        )
        describe("GET", "/mail/config.mobileconfig", "A configuration profile for Apple", query: ["emailaddress"])
    }
}
