package import HTTPKit
package import MailPorts

/// What the check of a connection has tried, as routes and commands show it.
package struct CheckReportDocument: Encodable, Sendable {
    package struct Step: Encodable, Sendable {
        package let name: String
        package let ok: Bool
        package let detail: String
    }

    package let ok: Bool
    package let steps: [Step]

    package init(_ steps: [ConnectionCheckStep]) {
        ok = steps.allSatisfy(\.isGood)
        self.steps = steps.map { Step(name: $0.name, ok: $0.isGood, detail: $0.detail) }
    }

    package static let schema = Schema.object([
        "ok": .truth,
        "steps": .list(Schema.document("ConnectionCheckStep", ["name": .text, "ok": .truth, "detail": .text])),
    ])
}
