// Table: what /openapi.json says of organisations and accounts.

import HTTPKit
import MailModel
import MailPorts
import ServiceHost

extension PeopleRoutes {
    private static let foreign = "There is none that the caller may see"
    private static let role = "The caller's role does not allow it"

    static func describeOrganisations(_ set: inout RouteSet) {
        set.describe(
            "GET",
            "/api/organisations",
            RouteDescription(
                "Organisations: every one for operators of the platform, their own for its owners and administrators",
                query: ["limit", "after", "sort", "status", "text"],
                answers: [200: "A page", 403: role],
                types: [
                    "sort": .sort(OrganisationListing.Sort.self), "status": .words(OrganisationRecord.Status.self),
                ],
                schemas: [200: .page("organisations", of: OrganisationDocument.schema)]
            )
        )
        set.describe(
            "POST",
            "/api/organisations",
            RouteDescription(
                "Make an organisation (operators of the platform)",
                body: ["name"],
                answers: [201: "Made", 403: role],
                required: ["name"],
                schemas: [201: OrganisationDocument.schema]
            )
        )
        set.describe(
            "GET",
            "/api/organisations/{id}",
            RouteDescription(
                "An organisation",
                answers: [200: "The organisation", 404: foreign],
                schemas: [200: OrganisationDocument.schema]
            )
        )
        set.describe(
            "PATCH",
            "/api/organisations/{id}",
            RouteDescription(
                "Rename an organisation (its owners)",
                body: ["name"],
                answers: [200: "Renamed", 403: role, 404: foreign],
                required: ["name"],
                schemas: [200: OrganisationDocument.schema]
            )
        )
        set.describe(
            "POST",
            "/api/organisations/{id}/suspend",
            RouteDescription(
                "Suspend an organisation: its people sign in nowhere and its addresses take no mail (operators of the platform)",
                body: ["reason"],
                answers: [200: "Suspended", 403: role, 404: foreign, 409: "It is suspended already"],
                required: ["reason"],
                schemas: [200: OrganisationDocument.schema]
            )
        )
        set.describe(
            "POST",
            "/api/organisations/{id}/restore",
            RouteDescription(
                "End an organisation's suspension (operators of the platform)",
                answers: [200: "Restored", 403: role, 404: foreign, 409: "It is active"],
                schemas: [200: OrganisationDocument.schema]
            )
        )
    }

    static func describePeople(_ set: inout RouteSet) {
        set.describe(
            "GET",
            "/api/organisations/{id}/accounts",
            RouteDescription(
                "Accounts of an organisation; text is looked for in addresses and names",
                query: ["limit", "after", "sort", "role", "status", "domain", "text"],
                answers: [200: "A page", 403: role, 404: foreign],
                types: [
                    "sort": .sort(AccountListing.Sort.self), "role": .words(Role.self),
                    "status": .words(Account.Status.self), "domain": .text, "text": .text,
                ],
                schemas: [200: .page("accounts", of: PersonDocument.schema)]
            )
        )
        set.describe(
            "GET",
            "/api/accounts/{id}",
            RouteDescription(
                "An account",
                answers: [200: "The account", 403: role, 404: foreign],
                schemas: [200: PersonDocument.schema]
            )
        )
        set.describe(
            "PATCH",
            "/api/accounts/{id}",
            RouteDescription(
                "Change an account's name, role, language or time zone; no role above the caller's, and the last owner stays",
                body: ["display_name", "role", "language", "time_zone"],
                answers: [200: "Changed", 403: role, 404: foreign, 409: "It is the last owner, or deleted"],
                types: ["language": .nullable(.text), "time_zone": .nullable(.text)],
                schemas: [200: PersonDocument.schema]
            )
        )
        set.describe(
            "DELETE",
            "/api/accounts/{id}",
            RouteDescription(
                "Delete an account: no mail and no sign-in from now on, restorable until purge_at",
                answers: [200: "Deleted", 403: role, 404: foreign, 409: "It is the last owner, or deleted"],
                schemas: [200: PersonDocument.schema]
            )
        )
        set.describe(
            "POST",
            "/api/accounts/{id}/suspend",
            RouteDescription(
                "Suspend an account; its sessions end",
                body: ["reason"],
                answers: [200: "Suspended", 403: role, 404: foreign, 409: "It is not active, or the last owner"],
                required: ["reason"],
                schemas: [200: PersonDocument.schema]
            )
        )
        set.describe(
            "POST",
            "/api/accounts/{id}/restore",
            RouteDescription(
                "End a suspension, or undo a deletion within its grace",
                answers: [200: "Restored", 403: role, 404: foreign, 409: "It is active"],
                schemas: [200: PersonDocument.schema]
            )
        )
        set.describe(
            "PUT",
            "/api/accounts/{id}/password",
            RouteDescription(
                "Set another's password; ends the account's sessions, and mail sessions that used the old one",
                body: ["new_password"],
                answers: [204: "Set", 403: role, 404: foreign, 422: "The password is not acceptable"],
                required: ["new_password"]
            )
        )
    }
}
