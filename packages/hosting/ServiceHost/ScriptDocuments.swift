package import HTTPKit
package import MailDelivery
import MailModel
package import MailPorts
import Telemetry

/// A Sieve script, as routes and commands show it in lists.
package struct ScriptDocument: Encodable, Sendable {
    static let members: [String: Schema] = [
        "name": .text, "size": .integer, "is_active": .truth, "created_at": .time, "changed_at": .time,
    ]
    package static let schema = Schema.document("SieveScript", members)
    package let name: String
    package let size: Int
    package let isActive: Bool
    package let createdAt: String
    package let changedAt: String

    package init(_ entry: ScriptEntry) {
        name = entry.name
        size = entry.size
        isActive = entry.isActive
        createdAt = RFC3339.text(entry.createdAt)
        changedAt = RFC3339.text(entry.changedAt)
    }
}

/// A Sieve script with its text.
package struct ScriptTextDocument: Encodable, Sendable {
    package static let schema = Schema.document(
        "SieveScriptText",
        ScriptDocument.members.merging(["text": .text]) { $1 }
    )
    package let name: String
    package let size: Int
    package let isActive: Bool
    package let createdAt: String
    package let changedAt: String
    package let text: String

    package init(_ script: StoredScript) {
        let entry = ScriptDocument(script.entry)
        (name, size, isActive) = (entry.name, entry.size, entry.isActive)
        (createdAt, changedAt) = (entry.createdAt, entry.changedAt)
        text = script.text
    }
}

/// What a script did with stored messages, or would do.
package struct ScriptReportDocument: Encodable, Sendable {
    package struct Step: Encodable, Sendable {
        package let action: String
        /// The mailbox or the address.
        package let target: String?
        package let flags: [String]?
    }

    package struct Message: Encodable, Sendable {
        package let uid: UInt32
        package let actions: [Step]
    }

    private static let step = Schema.document(
        "SieveStep",
        [
            "action": .choice(ScriptPass.Step.Action.allCases.map(\.rawValue)), "target": .optional(.text),
            "flags": .optional(.list(.text)),
        ]
    )
    package static let schema = Schema.document(
        "SieveReport",
        [
            "script": .text, "mailbox": .text, "is_dry_run": .truth, "examined": .integer, "moved": .integer,
            "copied": .integer, "marked": .integer, "discarded": .integer, "failed": .integer,
            "left_out": .integer, "next": .optional(.text),
            "messages": .list(.document("SieveReportMessage", ["uid": .integer, "actions": .list(step)])),
        ]
    )
    package let script: String
    package let mailbox: String
    package let isDryRun: Bool
    package let examined: Int
    package let moved: Int
    package let copied: Int
    package let marked: Int
    package let discarded: Int
    package let failed: Int
    /// Actions that are not done over stored mail.
    package let leftOut: Int
    package let next: String?
    package let messages: [Message]

    package init(_ report: ScriptPass.Report) {
        script = report.script
        mailbox = report.mailbox
        isDryRun = report.isDry
        examined = report.messages.count
        moved = report.moved
        copied = report.copied
        marked = report.marked
        discarded = report.discarded
        failed = report.failed
        leftOut = report.leftOut
        next = report.next?.description
        messages = report.messages.map { message in
            Message(
                uid: message.uid.rawValue,
                actions: message.steps.map {
                    Step(action: $0.action.rawValue, target: $0.target, flags: $0.flags.isEmpty ? nil : $0.flags)
                }
            )
        }
    }
}
