import Accounts
import HTTPKit
import MailPorts
import ServiceHost

extension IdentityRoutes {
    private static let foreign = "One may not send with it"

    static func describe(_ set: inout RouteSet) {
        let addresses = Schema.nullable(.list(.text))
        let name = Schema.nullable(.boundedText(0...PeopleLimits.longestText))
        let signature = Schema.nullable(SignatureDocument.schema)
        set.describe(
            "GET",
            list,
            RouteDescription(
                "Every address that one may send with: its name, its signature, and who it is of",
                query: ["limit", "after", "sort", "kind", "text"],
                answers: [200: "A page"],
                types: [
                    "sort": .sort("email", "name"), "kind": .choice(SendingAddress.Kind.allCases.map(\.rawValue)),
                ],
                schemas: [200: .page("identities", of: IdentityDocument.schema)]
            )
        )
        set.describe(
            "GET",
            one,
            RouteDescription(
                "How one writes with an address",
                answers: [200: "It", 404: foreign],
                schemas: [200: IdentityDocument.schema]
            )
        )
        set.describe(
            "PUT",
            one,
            RouteDescription(
                "Say how one writes with an address; what is not given is as without",
                body: Given.members,
                answers: [200: "As it is now", 404: foreign],
                types: ["name": name, "reply_to": addresses, "bcc": addresses, "signature": signature],
                schemas: [200: IdentityDocument.schema]
            )
        )
        set.describe(
            "DELETE",
            one,
            RouteDescription(
                "Forget what was said of an address",
                answers: [204: "Gone", 404: "Nothing was said of it"]
            )
        )
        set.describe(
            "GET",
            composing,
            RouteDescription(
                "What one writes with unless it is said otherwise",
                answers: [200: "It"],
                schemas: [200: ComposingDocument.schema]
            )
        )
        set.describe(
            "PUT",
            composing,
            RouteDescription(
                "Choose the address that one writes with unless it is said otherwise, and the signature",
                body: Composing.members,
                answers: [200: "As it is now"],
                types: ["default": .nullable(.text), "signature": signature],
                schemas: [200: ComposingDocument.schema]
            )
        )
        set.describe(
            "POST",
            suggestion,
            RouteDescription(
                "With which address to answer, and what recipients are to one; nothing is changed",
                body: Draft.members,
                answers: [200: "The suggestion"],
                types: ["from": .nullable(.text), "written_to": addresses, "recipients": addresses],
                schemas: [200: Suggestion.schema]
            )
        )
    }
}

extension IdentityRoutes.Suggestion {
    static let schema = Schema.document(
        "Suggestion",
        [
            "from": .optional(IdentityDocument.schema),
            "reason": .optional(.choice(IdentityBook.Reason.allCases.map(\.rawValue))),
            "recipients": .list(
                .document(
                    "Recipient",
                    [
                        "address": .text, "relation": .choice(IdentityService.Relation.allCases.map(\.rawValue)),
                    ]
                )
            ),
        ]
    )
}
