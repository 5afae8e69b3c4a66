import Accounts
import HTTPKit
import MailDelivery
import MailPorts
import ServiceHost

extension ScriptRoutes {
    static func describe(_ set: inout RouteSet) {
        let absent = "No such script"
        set.describe(
            "GET",
            path,
            RouteDescription(
                "One's Sieve scripts, without their texts",
                query: ["limit", "after", "sort", "is_active", "text"],
                answers: [200: "A page"],
                types: ["sort": .sort(ScriptListing.Sort.self), "is_active": .truth],
                schemas: [200: .page("sieve_scripts", of: ScriptDocument.schema)]
            )
        )
        set.describe(
            "POST",
            checking,
            RouteDescription(
                "Read a script without keeping it; a problem's error at #/text says the line and the column",
                body: Given.members,
                answers: [204: "It can be followed", 422: "It cannot"],
                types: ["text": .text],
                required: ["text"]
            )
        )
        set.describe(
            "POST",
            deactivating,
            RouteDescription(
                "Have mail go through none",
                answers: [204: "None is active", 404: "None was"]
            )
        )
        set.describe(
            "GET",
            one,
            RouteDescription(
                "A Sieve script with its text",
                answers: [200: "It", 404: absent],
                schemas: [200: ScriptTextDocument.schema]
            )
        )
        set.describe(
            "PUT",
            one,
            RouteDescription(
                "Keep a Sieve script under the name, or replace its text; the active one stays active",
                body: Given.members,
                answers: [
                    200: "As it is now", 201: "It is new", 409: "There are as many as may be",
                    422: "It cannot be followed; the error at #/text says the line and the column",
                ],
                types: ["text": .text],
                required: ["text"],
                schemas: [200: ScriptTextDocument.schema, 201: ScriptTextDocument.schema]
            )
        )
        set.describe(
            "DELETE",
            one,
            RouteDescription(
                "Forget a Sieve script",
                answers: [204: "Gone", 404: absent, 409: "It is active"]
            )
        )
        set.describe(
            "POST",
            one + "/activate",
            RouteDescription(
                "Have mail go through it from now on, and through no other",
                answers: [200: "As it is now", 404: absent],
                schemas: [200: ScriptDocument.schema]
            )
        )
        set.describe(
            "POST",
            one + "/run",
            RouteDescription(
                """
                Run it over a portion of a mailbox's messages: files them, adds flags, moves what it discards to the trash; \
                redirect, reject, vacation and changes of headers are left out
                """,
                body: Pass.members,
                answers: [
                    200: "What was done, or would be; `next` is the `after` of the next portion",
                    404: "No such script or mailbox, or the mailbox was made anew since", 507: "The quota has no room",
                ],
                types: [
                    "mailbox": .nullable(.text), "since": .nullable(.time), "before": .nullable(.time),
                    "is_unseen": .nullable(.truth), "is_dry_run": .truth, "after": .nullable(.text),
                    "limit": .nullable(.boundedInteger(1...ScriptPass.portion)),
                ],
                required: ["is_dry_run"],
                schemas: [200: ScriptReportDocument.schema]
            )
        )
    }
}
