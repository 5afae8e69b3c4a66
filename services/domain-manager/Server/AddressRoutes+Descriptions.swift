// Table: what /openapi.json says of these routes.

import HTTPKit
import MailPorts
import ServiceHost

extension AddressRoutes {
    private static let page = ["limit", "after", "sort", "text"]
    private static let alias = Schema.document("Alias", ["address": .text, "targets": .list(.text)])
    private static let routing = Schema.document(
        "DomainRouting",
        [
            "catch_all": .object(
                ["action": .choice(["reject", "deliver", "forward"]), "target": .optional(.text)]
            ), "separator": .choice(SubaddressSeparator.allCases.map(\.rawValue)), "alias_of": .optional(.text),
            "aliases": .list(.text),
        ]
    )
    private static let list = Schema.document(
        "DistributionList",
        [
            "address": .text, "name": .text, "posting": .words(PostingRule.self), "maximum_size": .optional(.integer),
            "created_at": .time, "owners": .optional(.list(.text)), "senders": .optional(.list(.text)),
        ]
    )
    private static let aliases = "/api/domains/{name}/aliases"
    private static let lists = "/api/domains/{name}/lists"

    static func describe(_ set: inout RouteSet) {
        describeAliases(&set)
        describeRouting(&set)
        describeLists(&set)
        describeMembers(&set)
    }

    private static func describeAliases(_ set: inout RouteSet) {
        let one = aliases + "/{address}"
        set.describe(
            "GET",
            aliases,
            RouteDescription(
                "Aliases of a domain",
                query: page + ["address", "target"],
                answers: [200: "A page", 404: "No such domain"],
                types: ["sort": .sort(AliasListing.Sort.self)],
                schemas: [200: .page("aliases", of: alias)]
            )
        )
        set.describe(
            "POST",
            aliases,
            RouteDescription(
                "Add an address that stands for others",
                body: NewAlias.members,
                answers: [201: "The alias", 409: "The address is taken, or would lead to itself"]
            )
        )
        set.describe(
            "GET",
            one,
            RouteDescription(
                "One alias",
                answers: [200: "The alias", 404: "No such alias"],
                schemas: [200: alias]
            )
        )
        set.describe(
            "PUT",
            one,
            RouteDescription(
                "Send an alias's mail to other addresses",
                body: Targets.members,
                answers: [200: "The alias", 404: "No such alias", 409: "It would lead to itself"]
            )
        )
        set.describe("DELETE", one, RouteDescription("Forget an alias", answers: [204: "Gone", 404: "No such alias"]))
    }

    private static func describeRouting(_ set: inout RouteSet) {
        set.describe(
            "GET",
            "/api/domains/{name}/routing",
            RouteDescription(
                "How a domain takes addresses that are not listed",
                answers: [200: "Its rules"],
                schemas: [200: routing]
            )
        )
        set.describe(
            "PUT",
            "/api/domains/{name}/catch-all",
            RouteDescription(
                "What becomes of mail to addresses that nobody has",
                body: CatchAllRequest.members,
                answers: [200: "The domain's rules", 409: "The target takes no mail"]
            )
        )
        set.describe(
            "PUT",
            "/api/domains/{name}/subaddressing",
            RouteDescription(
                "What divides an address from its detail",
                body: SeparatorRequest.members,
                answers: [200: "The domain's rules"]
            )
        )
        set.describe(
            "PUT",
            "/api/domains/{name}/alias-of",
            RouteDescription(
                "Make every address of the domain mean the same at another of the organisation",
                body: AliasOfRequest.members,
                answers: [200: "The domain's rules", 409: "It has addresses, or one of the two is an alias's end"]
            )
        )
        set.describe(
            "DELETE",
            "/api/domains/{name}/alias-of",
            RouteDescription("Make the domain one of its own again", answers: [204: "Done"])
        )
    }

    private static func describeLists(_ set: inout RouteSet) {
        let one = lists + "/{address}"
        set.describe(
            "GET",
            lists,
            RouteDescription(
                "Distribution lists of a domain",
                query: page + ["posting"],
                answers: [200: "A page"],
                types: ["sort": .sort(DistributionListing.Sort.self), "posting": .words(PostingRule.self)],
                schemas: [200: .page("lists", of: list)]
            )
        )
        set.describe(
            "POST",
            lists,
            RouteDescription(
                "Add a distribution list, with its -bounces and -owner addresses",
                body: NewList.members,
                answers: [201: "The list", 409: "One of its addresses is taken"]
            )
        )
        set.describe(
            "GET",
            one,
            RouteDescription("One list", answers: [200: "The list", 404: "No such list"], schemas: [200: list])
        )
        set.describe(
            "PATCH",
            one,
            RouteDescription(
                "Change a list's name, size or who may write",
                body: ListChange.members,
                answers: [200: "The list"]
            )
        )
        set.describe("DELETE", one, RouteDescription("Forget a list", answers: [204: "Gone", 404: "No such list"]))
    }

    private static func describeMembers(_ set: inout RouteSet) {
        let one = lists + "/{address}"
        set.describe(
            "GET",
            one + "/members",
            RouteDescription(
                "Members of a list",
                query: page + ["domain"],
                answers: [200: "A page"],
                types: ["sort": .sort(MemberListing.Sort.self)],
                schemas: [200: .page("members", of: .text)]
            )
        )
        set.describe(
            "POST",
            one + "/members",
            RouteDescription(
                "Add members: addresses here or elsewhere, aliases, lists",
                body: Members.members,
                answers: [200: "How many are new", 409: "Too many, or one leads back to the list"]
            )
        )
        set.describe(
            "DELETE",
            one + "/members/{member}",
            RouteDescription("Remove a member", answers: [204: "Gone", 404: "No such member"])
        )
        set.describe(
            "PUT",
            one + "/owners",
            RouteDescription("Who looks after a list", body: Owners.members, answers: [200: "The list"])
        )
        set.describe(
            "PUT",
            one + "/senders",
            RouteDescription(
                "Who may write to a list of the rule named",
                body: Senders.members,
                answers: [200: "The list"]
            )
        )
    }
}
