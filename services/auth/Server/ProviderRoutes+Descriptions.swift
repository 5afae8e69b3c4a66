// Table: what /openapi.json says of signing in by identity providers.

import HTTPKit

extension ProviderRoutes {
    private static let discovery = Schema.document("SignInMode", ["mode": .text, "start_url": .optional(.text)])

    static func describe(_ set: inout RouteSet) {
        set.describe(
            "GET",
            path,
            RouteDescription(
                "How the people of an address's domain sign in; tells nothing of accounts",
                isOpen: true,
                query: ["address"],
                answers: [200: "password, optional or enforced, and where a browser begins"],
                types: ["address": .text],
                schemas: [200: discovery]
            )
        )
        set.describe(
            "GET",
            "\(path)/start",
            RouteDescription(
                "Sends a browser to the domain's identity provider",
                isOpen: true,
                query: ["domain", "challenge", "return_to", "login_hint", "prompt", "max_age"],
                answers: [
                    302: "At the provider", 400: "The query cannot be", 404: "The domain has no provider",
                    502: "The provider gave no usable answer",
                ],
                types: [
                    "domain": .text, "challenge": .text, "return_to": .text, "login_hint": .text, "prompt": .text,
                    "max_age": .integer,
                ]
            )
        )
        set.describe(
            "GET",
            "\(path)/callback",
            RouteDescription(
                "Where the provider sends the browser back to; goes on to the page with code or error in its query",
                isOpen: true,
                query: ["state", "code", "error", "iss"],
                answers: [302: "The page"],
                types: ["state": .text, "code": .text, "error": .text, "iss": .text]
            )
        )
        set.describe(
            "POST",
            "\(path)/token",
            RouteDescription(
                "Tokens for the code that the page got, with the verifier of its challenge",
                isOpen: true,
                body: ["code", "verifier"],
                answers: [200: "Tokens", 401: "The code is not good"],
                required: ["code", "verifier"],
                schemas: [200: AuthRoutes.tokenSchema]
            )
        )
    }
}
