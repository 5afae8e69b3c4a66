// Table: what names mean in bodies and queries, on every route that does not say otherwise.

/// The types of members and of names in queries: one name means one thing.
enum Vocabulary {
    static let query: [String: Schema] = [
        "limit": .boundedInteger(APIRequest.pageLimit), "after": .boundedText(0...1_000), "sort": .boundedText(0...64),
        "organisation_id": .boundedInteger(1...Int.max), "since": .time, "until": .time,
    ]

    static let members: [String: Schema] = [
        "email": .text, "password": .text, "old_password": .text, "new_password": .text, "display_name": .text,
        "name": .text, "role": .text, "reason": .text, "code": .text, "challenge": .text, "refresh_token": .text,
        "organisation_id": .integer, "quota_bytes": .integer, "verified": .truth, "scopes": .list(.text),
        "algorithm": .text, "address": .text, "targets": .list(.text), "status": .text, "language": .text,
        "time_zone": .text, "token": .text, "organisation": .text, "description": .text,
        "posting": .text, "maximum_size": .integer, "owners": .list(.text), "members": .list(.text),
        "senders": .list(.text), "separator": .text, "action": .text, "target": .text, "domain": .text,
        "label": .text, "site": .text, "is_enabled": .truth,
    ]
}
