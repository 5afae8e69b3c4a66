// Table: what /openapi.json says of these routes.

import HTTPKit
import MailPorts
import ServiceHost

extension WebhookRoutes {
    static func describe(_ set: inout RouteSet) {
        let foreign = "There is none that the caller may see"
        let webhook = Schema.document(
            "Webhook",
            [
                "url": .text, "version": .integer, "created_at": .time, "changed_at": .time,
                "previous_secret_until": .optional(.time), "secret": .optional(.text),
            ]
        )
        let delivery = Schema.document(
            "WebhookDelivery",
            [
                "id": .integer, "event": .text, "type": .text, "created_at": .time,
                "state": .words(WebhookDelivery.State.self), "attempts": .integer,
                "next_attempt_at": .optional(.time), "status": .optional(.integer), "fault": .optional(.text),
                "finished_at": .optional(.time),
            ]
        )
        set.describe(
            "GET",
            path,
            RouteDescription(
                "An organisation's webhook, without its secret",
                answers: [200: "The webhook", 404: foreign],
                schemas: [200: webhook]
            )
        )
        set.describe(
            "PUT",
            path,
            RouteDescription(
                "Where changes of the domains' DNS are posted: https, at a public address; the answer that makes it has the secret",
                body: ["url"],
                answers: [
                    200: "The webhook", 201: "A new one, with its secret", 404: foreign,
                    412: "It has changed meanwhile",
                    422: "The address is not taken",
                ],
                types: ["url": .text],
                required: ["url"],
                schemas: [200: webhook, 201: webhook]
            )
        )
        set.describe(
            "DELETE",
            path,
            RouteDescription("Tell nobody any more; waiting events go too", answers: [204: "Gone", 404: foreign])
        )
        set.describe(
            "POST",
            path + "/test",
            RouteDescription(
                "Post an event of the type webhook.test now, once",
                answers: [200: "What became of it", 404: foreign, 429: "Too many tests"],
                schemas: [
                    200: .object(["ok": .truth, "status": .optional(.integer), "fault": .optional(.text)])
                ]
            )
        )
        set.describe(
            "POST",
            path + "/rotate-secret",
            RouteDescription(
                "Another secret, shown in this answer; the one before signs beside it for a day",
                answers: [200: "The webhook with its secret", 404: foreign],
                schemas: [200: webhook]
            )
        )
        set.describe(
            "GET",
            path + "/deliveries",
            RouteDescription(
                "Events of the webhook, the newest first: those that wait, and the last hundred that are over",
                query: ["limit", "after", "sort", "state", "type", "event"],
                answers: [200: "A page", 404: foreign],
                types: [
                    "sort": .sort(DeliveryListing.Sort.self), "state": .words(WebhookDelivery.State.self),
                ],
                schemas: [200: .page("deliveries", of: delivery)]
            )
        )
    }
}
