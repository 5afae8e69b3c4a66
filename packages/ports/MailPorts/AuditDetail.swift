import MailModel

/// The `detail` of an audit line: a flat JSON object, but for what stood before and after a change.
package struct AuditDetail: Sendable {
    private var members = JSONMembers()
    package init() {}

    package func adding(_ name: String, _ value: String?) -> AuditDetail {
        var copy = self
        copy.members.add(name, json: Self.json(value))
        return copy
    }

    package func adding(_ name: String, _ value: Int64) -> AuditDetail {
        var copy = self
        copy.members.add(name, value)
        return copy
    }

    /// A member before and after; nothing when it did not change.
    package func changing(_ name: String, from before: String?, to after: String?) -> AuditDetail {
        guard before != after else { return self }
        var change = JSONMembers()
        change.add("before", json: Self.json(before))
        change.add("after", json: Self.json(after))
        var copy = self
        copy.members.add(name, json: change.text)
        return copy
    }

    package func changing(_ name: String, from before: Bool?, to after: Bool?) -> AuditDetail {
        func word(_ truth: Bool?) -> String? { truth.map { $0 ? "true" : "false" } }
        return changing(name, from: word(before), to: word(after))
    }

    package func changing(_ name: String, from before: Int64?, to after: Int64?) -> AuditDetail {
        changing(name, from: before.map { "\($0)" }, to: after.map { "\($0)" })
    }

    package var text: String { members.text }

    private static func json(_ value: String?) -> String { value.map(JSONMembers.quoted) ?? "null" }
}
