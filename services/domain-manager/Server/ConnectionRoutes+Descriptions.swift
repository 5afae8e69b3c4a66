// Table: what /openapi.json says of identity providers of domains.

import HTTPKit
import MailPorts
import ServiceHost

extension ConnectionRoutes {
    private static let connection = Schema.document(
        "ProviderConnection",
        [
            "issuer": .text, "client_id": .text, "has_client_secret": .truth, "enforced": .truth,
            "covers_aliases": .truth, "makes_accounts": .truth, "quota_bytes": .optional(.integer),
            "address_claim": .text, "name_claim": .text, "needs_verified_address": .truth, "scopes": .text,
            "set_by": .text, "version": .integer, "changed_at": .optional(.time), "redirect_uri": .text,
        ]
    )
    private static let link = Schema.document(
        "ProviderLink",
        [
            "account_id": .integer, "email": .text, "issuer": .text, "subject": .text, "linked_at": .time,
            "last_used_at": .optional(.time), "last_used_from": .optional(.text),
        ]
    )

    static func describe(_ set: inout RouteSet) {
        set.describe(
            "GET",
            path,
            RouteDescription(
                "A domain's identity provider, without the client secret",
                answers: [200: "It", 404: "The domain has none"],
                schemas: [200: connection]
            )
        )
        set.describe(
            "PUT",
            path,
            RouteDescription(
                "Puts an identity provider in force. Without client_secret the one that is there stays, while issuer and client_id "
                    + "do; other members that are left out get their standard. If-Match names the version it replaces",
                body: [
                    "issuer", "client_id", "client_secret", "enforced", "covers_aliases", "makes_accounts",
                    "quota_bytes", "address_claim", "name_claim", "needs_verified_address", "scopes",
                ],
                answers: [200: "What is in force", 409: "The domain is suspended", 412: "Another version is in force"],
                types: [
                    "issuer": .text, "client_id": .text, "client_secret": .optional(.text),
                    "enforced": .optional(.truth), "covers_aliases": .optional(.truth),
                    "makes_accounts": .optional(.truth), "quota_bytes": .optional(.integer),
                    "address_claim": .optional(.text), "name_claim": .optional(.text),
                    "needs_verified_address": .optional(.truth), "scopes": .optional(.text),
                ],
                required: ["issuer", "client_id"],
                schemas: [200: connection]
            )
        )
        set.describe(
            "DELETE",
            path,
            RouteDescription("Ends signing in by the provider, and every link", answers: [204: "Done"])
        )
        set.describe(
            "POST",
            "\(path)/check",
            RouteDescription(
                "Tries the provider: its document, its keys, and the client's secret",
                answers: [200: "What was tried, step by step"],
                schemas: [200: CheckReportDocument.schema]
            )
        )
        set.describe(
            "GET",
            "\(path)/links",
            RouteDescription(
                "Accounts that have signed in by the provider, and who they are there",
                query: ["limit", "after", "sort", "text"],
                answers: [200: "A page"],
                types: ["sort": .sort(LinkListing.Sort.self)],
                schemas: [200: .page("links", of: link)]
            )
        )
        set.describe(
            "DELETE",
            "\(path)/links/{account}",
            RouteDescription(
                "Forgets who an account is at the provider: the next one with its address is linked",
                answers: [204: "Done", 404: "It is not linked"]
            )
        )
    }
}
