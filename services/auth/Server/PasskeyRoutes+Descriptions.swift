// Table: what /openapi.json says of passkeys.

import HTTPKit

extension PasskeyRoutes {
    /// The names in it are those of WebAuthn.
    private static let options = Schema.object(["public_key": .anything])
    private static let passkey = Schema.document(
        "Passkey",
        [
            "id": .integer, "name": .text, "model": .optional(.text), "transports": .list(.text),
            "is_backed_up": .truth, "verifies_user": .truth,
            "created_at": .time, "last_used_at": .optional(.time), "last_used_from": .optional(.text),
            "recovery_codes": .optional(.list(.text)),
        ]
    )
    private static let confirmation = Confirmation.members

    static func describe(_ set: inout RouteSet) {
        describeSigningIn(&set)
        describeOwn(&set)
    }

    private static func describeSigningIn(_ set: inout RouteSet) {
        set.describe(
            "POST",
            "/api/auth/passkey/options",
            RouteDescription(
                "What a page asks a passkey to sign in with; without an address any passkey that the browser has",
                isOpen: true,
                body: ["email"],
                answers: [200: "Options as PublicKeyCredential.parseRequestOptionsFromJSON takes them"],
                schemas: [200: options]
            )
        )
        set.describe(
            "POST",
            "/api/auth/passkey/verify",
            RouteDescription(
                "Sign in by a passkey that has verified its user",
                isOpen: true,
                body: ["credential", "email"],
                answers: [200: "Tokens", 401: "The passkey was not accepted"],
                required: ["credential"],
                schemas: [200: AuthRoutes.tokenSchema]
            )
        )
    }

    private static func describeOwn(_ set: inout RouteSet) {
        set.describe(
            "GET",
            "/api/users/me/passkeys",
            RouteDescription(
                "One's passkeys",
                query: ["limit", "after", "sort", "text"],
                answers: [200: "A page"],
                types: ["sort": .sort("created_at", "name", "last_used_at")],
                schemas: [200: .page("passkeys", of: passkey)]
            )
        )
        set.describe(
            "POST",
            "/api/users/me/passkeys/options",
            RouteDescription(
                "Begin to register a passkey; wants the password, a passkey or a new sign-in by the provider",
                body: confirmation,
                answers: [
                    200: "Options as PublicKeyCredential.parseCreationOptionsFromJSON takes them",
                    422: "Neither was right, or there are as many as may be",
                ],
                schemas: [200: options]
            )
        )
        set.describe(
            "POST",
            "/api/users/me/passkeys",
            RouteDescription(
                "Keep the passkey that the browser made",
                body: ["name", "credential"],
                answers: [
                    201: "The passkey; with recovery codes, this once, when the account had none",
                    409: "The passkey or the name is known", 422: "It was not accepted",
                ],
                required: ["name", "credential"],
                schemas: [201: passkey]
            )
        )
        set.describe(
            "POST",
            "/api/users/me/passkeys/confirm",
            RouteDescription(
                "What a passkey signs in place of the password, for routes that want one of them",
                body: [],
                answers: [200: "Options", 404: "The account has no passkey"],
                schemas: [200: options]
            )
        )
        set.describe(
            "PATCH",
            "/api/users/me/passkeys/{id}",
            RouteDescription(
                "Give a passkey another name",
                body: ["name"],
                answers: [204: "Done", 404: "There is none", 409: "Another has the name"],
                required: ["name"]
            )
        )
        set.describe(
            "POST",
            "/api/users/me/passkeys/{id}/delete",
            RouteDescription(
                "Remove a passkey; wants the password, a passkey or a new sign-in by the provider",
                body: confirmation,
                answers: [
                    204: "It is gone", 404: "There is none",
                    409: "It is the last way in, or the last factor where one is demanded",
                    422: "Neither was right",
                ]
            )
        )
    }
}
