import HTTPKit
import MailPorts
import ServiceHost

extension OAuthClientRoutes {
    static func describe(_ set: inout RouteSet) {
        let members: [String: Schema] = [
            "client_id": .text, "organisation_id": .optional(.integer), "name": .text,
            "kind": .choice(["public", "confidential"]), "redirect_uris": .list(.text), "scopes": .list(.text),
            "id_token_signed_response_alg": .choice(["ES256", "RS256"]), "created_at": .time, "created_by": .text,
        ]
        let client = Schema.document("OAuthClient", members)
        let made = Schema.document("NewOAuthClient", members.merging(["client_secret": .optional(.text)]) { $1 })
        let types: [String: Schema] = [
            "redirect_uris": .list(.text), "kind": .choice(["public", "confidential"]),
            "id_token_signed_response_alg": .choice(["ES256", "RS256"]),
        ]
        let editable: Set<String> = ["name", "redirect_uris", "scopes", "id_token_signed_response_alg"]
        set.describe(
            "GET",
            "/api/oauth/clients",
            RouteDescription(
                "Programs that may sign people of the organisation in",
                query: ["limit", "after", "sort", "kind", "text", "organisation_id"],
                answers: [200: "A page", 403: "The caller manages nobody"],
                types: ["sort": .sort(ClientListing.Sort.self), "kind": .choice(kinds)],
                schemas: [200: .page("clients", of: client)]
            )
        )
        set.describe(
            "POST",
            "/api/oauth/clients",
            RouteDescription(
                "Register a program",
                body: editable.union(["kind", "organisation_id"]),
                answers: [201: "The program, with its secret this once", 403: "The caller manages nobody"],
                types: types,
                required: ["name", "redirect_uris", "scopes"],
                schemas: [201: made]
            )
        )
        set.describe(
            "GET",
            "/api/oauth/clients/{id}",
            RouteDescription(
                "One program",
                answers: [200: "The program", 404: "There is none"],
                schemas: [200: client]
            )
        )
        set.describe(
            "PUT",
            "/api/oauth/clients/{id}",
            RouteDescription(
                "Change a program",
                body: editable,
                answers: [200: "The program", 404: "There is none", 412: "It was changed meanwhile"],
                types: types,
                required: ["name", "redirect_uris", "scopes"],
                schemas: [200: client]
            )
        )
        set.describe(
            "DELETE",
            "/api/oauth/clients/{id}",
            RouteDescription(
                "Forget a program with every session that it has",
                answers: [204: "It is gone", 404: "There is none"]
            )
        )
        set.describe(
            "POST",
            "/api/oauth/clients/{id}/secret",
            RouteDescription(
                "A new secret in place of the old one",
                answers: [200: "The secret, this once", 404: "There is none", 409: "The program keeps no secret"],
                schemas: [200: .object(["client_secret": .text])]
            )
        )
        let application = Schema.document(
            "Application",
            ["client_id": .text, "name": .text, "scopes": .list(.text), "allowed_at": .time]
        )
        set.describe(
            "GET",
            "/api/users/me/applications",
            RouteDescription(
                "Programs that one has let in",
                query: ["limit", "after", "sort", "text", "scope"],
                answers: [200: "A page"],
                types: ["sort": .sort("name", "allowed_at")],
                schemas: [200: .page("applications", of: application)]
            )
        )
        set.describe(
            "DELETE",
            "/api/users/me/applications/{id}",
            RouteDescription(
                "Let a program in no more; its sessions end",
                answers: [204: "It is out", 404: "It was not in"]
            )
        )
    }
}
