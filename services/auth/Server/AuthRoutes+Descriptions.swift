// Table: what /openapi.json says of this service's routes.

import HTTPKit

extension AuthRoutes {
    static func describe(_ set: inout RouteSet) {
        describeSigningIn(&set)
        describeOwnAccount(&set)
        describeSecondFactor(&set)
        set.describe(
            "GET",
            "/api/audit",
            RouteDescription(
                "The audit trail, newest first; of the caller's organisation, or of all for an operator of the platform",
                query: ["actor", "action", "subject", "since", "until", "before", "limit"],
                answers: [200: "A page; give next as before for the one behind it", 403: "The caller is a member"]
            )
        )
        set.describe(
            "GET",
            "/.well-known/jwks.json",
            RouteDescription("The key that signs access tokens", isOpen: true, answers: [200: "RFC 7517 key set"])
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
                ]
            )
        )
        set.describe(
            "POST",
            "/api/auth/second-factor",
            RouteDescription(
                "Complete a sign-in by a code or a recovery code",
                isOpen: true,
                body: ["challenge", "code"],
                answers: [200: "Tokens", 401: "Wrong code or challenge", 429: "Too many wrong codes"]
            )
        )
        set.describe(
            "POST",
            "/api/auth/refresh",
            RouteDescription(
                "Spend a refresh token for new tokens; one that was spent before ends its session",
                isOpen: true,
                body: ["refresh_token"],
                answers: [200: "Tokens", 401: "Not valid; sign in again"]
            )
        )
        set.describe(
            "POST",
            "/api/auth/logout",
            RouteDescription("End a session", isOpen: true, body: ["refresh_token"], answers: [204: "It is over"])
        )
    }

    private static func describeOwnAccount(_ set: inout RouteSet) {
        set.describe("GET", "/api/users/me", RouteDescription("One's own account", answers: [200: "The account"]))
        set.describe(
            "PUT",
            "/api/users/me/password",
            RouteDescription(
                "Change one's password; ends every other session, and mail sessions that used the old one",
                body: ["old_password", "new_password"],
                answers: [204: "Changed", 422: "The old one is wrong, or the new one is not acceptable"]
            )
        )
        set.describe("GET", "/api/users/me/sessions", RouteDescription("One's sessions", answers: [200: "The list"]))
        set.describe(
            "DELETE",
            "/api/users/me/sessions/{id}",
            RouteDescription("End a session", answers: [204: "It is over", 404: "None of that name is open"])
        )
        set.describe(
            "POST",
            "/api/users/me/sessions/revoke-others",
            RouteDescription("End every session but this", answers: [200: "How many ended"])
        )
        set.describe(
            "GET",
            "/api/users/me/app-passwords",
            RouteDescription("Passwords of one's mail clients", answers: [200: "The list, without secrets"])
        )
        set.describe(
            "POST",
            "/api/users/me/app-passwords",
            RouteDescription(
                "Make a password for one mail client",
                body: ["name", "scopes"],
                answers: [201: "With the password, this once", 409: "The name is in use"]
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
            RouteDescription("Whether one has a second factor", answers: [200: "The state"])
        )
        set.describe(
            "POST",
            "/api/users/me/second-factor",
            RouteDescription(
                "Begin to enrol a second factor",
                body: ["password"],
                answers: [201: "The secret, to be confirmed", 409: "There is one"]
            )
        )
        set.describe(
            "POST",
            "/api/users/me/second-factor/confirm",
            RouteDescription(
                "Confirm it by a code",
                body: ["code"],
                answers: [200: "Recovery codes, this once", 404: "None waits", 422: "The code is wrong"]
            )
        )
        set.describe(
            "POST",
            "/api/users/me/second-factor/recovery-codes",
            RouteDescription(
                "New recovery codes in place of the old",
                body: ["password", "code"],
                answers: [200: "Recovery codes, this once", 404: "There is no second factor"]
            )
        )
        set.describe(
            "POST",
            "/api/users/me/second-factor/disable",
            RouteDescription(
                "Take the second factor away",
                body: ["password", "code"],
                answers: [204: "It is off", 404: "There is none"]
            )
        )
    }
}
