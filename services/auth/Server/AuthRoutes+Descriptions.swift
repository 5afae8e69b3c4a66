// Table: what /openapi.json says of this service's routes.

import HTTPKit
import MailPorts
import ServiceHost

extension AuthRoutes {
    static let tokenSchema = Schema.document(
        "Tokens",
        [
            "access_token": .text, "token_type": .text, "expires_in": .integer, "refresh_token": .text,
            "refresh_expires_in": .integer, "limited_to": .optional(.text),
        ]
    )
    private static let appPassword = Schema.document(
        "AppPassword",
        [
            "id": .integer, "name": .text, "scopes": .list(.text), "created_at": .time,
            "last_used_at": .optional(.time),
            "last_used_from": .optional(.text), "password": .optional(.text),
        ]
    )
    private static let session = Schema.document(
        "Session",
        [
            "id": .text, "device": .text, "created_at": .optional(.time), "last_used_at": .optional(.time),
            "last_used_from": .optional(.text), "is_current": .truth,
            "acting": .optional(
                .object([
                    "actor": .text, "reason": .text, "since": .optional(.time), "until": .time, "requests": .integer,
                ])
            ),
        ]
    )
    private static let event = Schema.document(
        "AuditEvent",
        [
            "id": .integer, "at": .time, "actor": .text, "action": .text, "subject": .text, "remote": .optional(.text),
            "detail": .text,
        ]
    )
    private static let recoveryCodes = Schema.object(["recovery_codes": .list(.text)])

    static func describe(_ set: inout RouteSet) {
        describeSigningIn(&set)
        describeOwnAccount(&set)
        describeSecondFactor(&set)
        set.describe(
            "GET",
            "/api/audit",
            RouteDescription(
                "The audit trail, newest first; of the caller's organisation, or of all for an operator of the platform",
                query: [
                    "limit", "after", "before", "sort", "actor", "action", "subject", "since", "until",
                    "organisation_id",
                ],
                answers: [200: "A page; before is an older name of after", 403: "The caller is a member"],
                types: ["sort": .sort(AuditListing.Sort.self)],
                schemas: [200: .page("events", of: event)]
            )
        )
        set.describe(
            "GET",
            "/.well-known/jwks.json",
            RouteDescription("The keys that sign access tokens", isOpen: true, answers: [200: "RFC 7517 key set"])
        )
    }

    private static func describeSigningIn(_ set: inout RouteSet) {
        set.describe(
            "POST",
            "/api/auth/login",
            RouteDescription(
                "Sign in by address and password",
                isOpen: true,
                body: ["email", "password"],
                answers: [
                    200: "Tokens", 202: "The account has a second factor: a challenge for it",
                    401: "Wrong address or password", 429: "Too many failures",
                ],
                required: ["email", "password"],
                schemas: [
                    200: tokenSchema,
                    202: .object([
                        "challenge": .text, "expires_in": .integer, "factors": .list(.text),
                        "public_key": .optional(.anything),
                    ]),
                ]
            )
        )
        set.describe(
            "POST",
            "/api/auth/second-factor",
            RouteDescription(
                "Complete a sign-in by a code, a recovery code or a passkey",
                isOpen: true,
                body: ["challenge", "code", "passkey"],
                answers: [200: "Tokens", 401: "Wrong code, passkey or challenge", 429: "Too many wrong codes"],
                required: ["challenge"],
                schemas: [200: tokenSchema]
            )
        )
        set.describe(
            "POST",
            "/api/auth/refresh",
            RouteDescription(
                "Spend a refresh token for new tokens; one that was spent before ends its session",
                isOpen: true,
                body: ["refresh_token"],
                answers: [200: "Tokens", 401: "Not valid; sign in again"],
                required: ["refresh_token"],
                schemas: [200: tokenSchema]
            )
        )
        set.describe(
            "POST",
            "/api/auth/logout",
            RouteDescription(
                "End a session",
                isOpen: true,
                body: ["refresh_token"],
                answers: [204: "It is over"],
                required: ["refresh_token"]
            )
        )
    }

    private static func describeOwnAccount(_ set: inout RouteSet) {
        set.describe(
            "PUT",
            "/api/users/me/password",
            RouteDescription(
                "Set one's password, by the old one or a passkey; ends every other session, and mail sessions that used the old one",
                body: ["old_password", "passkey", "new_password"],
                answers: [204: "Set", 422: "The old one or the passkey is wrong, or the new one is not acceptable"],
                required: ["new_password"]
            )
        )
        set.describe(
            "DELETE",
            "/api/users/me/password",
            RouteDescription(
                "Take one's password away, by a passkey that has verified its user; ends what a change of it ends",
                body: ["passkey"],
                answers: [
                    204: "From now on passkeys sign in alone", 404: "There is none",
                    409: "No passkey would sign in alone", 422: "The passkey was not accepted",
                ],
                required: ["passkey"]
            )
        )
        set.describe(
            "GET",
            "/api/users/me/sessions",
            RouteDescription(
                "One's sessions",
                query: ["limit", "after", "sort", "text"],
                answers: [200: "A page"],
                types: ["sort": .sort("created_at", "last_used_at", "device")],
                schemas: [200: .page("sessions", of: session)]
            )
        )
        set.describe(
            "DELETE",
            "/api/users/me/sessions/{id}",
            RouteDescription("End a session", answers: [204: "It is over", 404: "None of that name is open"])
        )
        set.describe(
            "POST",
            "/api/users/me/sessions/revoke-others",
            RouteDescription(
                "End every session but this",
                answers: [200: "How many ended"],
                schemas: [200: .object(["revoked": .integer])]
            )
        )
        set.describe(
            "GET",
            "/api/users/me/app-passwords",
            RouteDescription(
                "Passwords of one's mail clients",
                query: ["limit", "after", "sort", "scope", "text"],
                answers: [200: "A page, without secrets"],
                types: ["sort": .sort("created_at", "name", "last_used_at"), "scope": .words(SignInScope.self)],
                schemas: [200: .page("app_passwords", of: appPassword)]
            )
        )
        set.describe(
            "POST",
            "/api/users/me/app-passwords",
            RouteDescription(
                "Make a password for one mail client",
                body: ["name", "scopes"],
                answers: [201: "With the password, this once", 409: "The name is in use"],
                required: ["name"],
                schemas: [201: appPassword]
            )
        )
        set.describe(
            "DELETE",
            "/api/users/me/app-passwords/{id}",
            RouteDescription("Revoke one; its mail sessions end", answers: [204: "Revoked", 404: "There is none"])
        )
    }

    private static func describeSecondFactor(_ set: inout RouteSet) {
        set.describe(
            "GET",
            "/api/users/me/second-factor",
            RouteDescription(
                "Whether one has a second factor",
                answers: [200: "The state"],
                schemas: [200: .object(["is_enabled": .truth, "recovery_codes_left": .integer, "is_required": .truth])]
            )
        )
        set.describe(
            "POST",
            "/api/users/me/second-factor",
            RouteDescription(
                "Begin to enrol a second factor; wants the password or a passkey",
                body: Confirmation.members,
                answers: [201: "The secret, to be confirmed", 409: "There is one", 422: "Neither was right"],
                schemas: [201: .object(["secret": .text, "uri": .text])]
            )
        )
        set.describe(
            "POST",
            "/api/users/me/second-factor/confirm",
            RouteDescription(
                "Confirm it by a code",
                body: ["code"],
                answers: [200: "Recovery codes, this once", 404: "None waits", 422: "The code is wrong"],
                required: ["code"],
                schemas: [200: recoveryCodes]
            )
        )
        set.describe(
            "POST",
            "/api/users/me/second-factor/recovery-codes",
            RouteDescription(
                "New recovery codes in place of the old; wants password and code, or a passkey",
                body: Confirmation.members.union(["code"]),
                answers: [
                    200: "Recovery codes, this once", 404: "There is no second factor", 422: "Neither was right",
                ],
                schemas: [200: recoveryCodes]
            )
        )
        set.describe(
            "POST",
            "/api/users/me/second-factor/disable",
            RouteDescription(
                "Take the second factor away; wants password and code, or a passkey",
                body: Confirmation.members.union(["code"]),
                answers: [204: "It is off", 404: "There is none", 422: "Neither was right"]
            )
        )
    }
}
