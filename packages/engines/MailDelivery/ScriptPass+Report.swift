package import MailModel
package import MailPorts

extension ScriptPass {
    package struct Request: Sendable {
        package var mailbox: String
        package var search: FilingSearch
        /// Where the last portion ended: the mailbox's UIDVALIDITY and a UID.
        package var after: Place?
        /// Nothing is done.
        package var isDry: Bool
        package init(mailbox: String, search: FilingSearch, after: Place?, isDry: Bool) {
            self.mailbox = mailbox
            self.search = search
            self.after = after
            self.isDry = isDry
        }
    }

    /// A place in a mailbox, written `VALIDITY-UID`.
    package struct Place: Hashable, Sendable, CustomStringConvertible {
        package var validity: UIDValidity
        package var uid: UID
        package var description: String { "\(validity.rawValue)-\(uid.rawValue)" }

        init(validity: UIDValidity, uid: UID) { (self.validity, self.uid) = (validity, uid) }

        package init?(_ text: String) {
            let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self) }
            guard parts.count == 2, let validity = UInt32(parts[0]), let uid = UInt32(parts[1]), uid > 0 else {
                return nil
            }
            self.init(validity: UIDValidity(validity), uid: UID(uid))
        }
    }

    /// What a script wants done with one message.
    package struct Step: Sendable {
        package enum Action: String, CaseIterable, Sendable {
            case keep, fileinto, discard, redirect, reject, vacation, edit
            /// The script failed for the message, which stays as it is.
            case failed
        }
        package var action: Action
        /// The mailbox or the address that it goes to; for `failed`, why.
        package var target: String?
        package var flags: [String] = []
    }

    package struct Message: Sendable {
        package var uid: UID
        package var steps: [Step]
    }

    package struct Report: Sendable {
        package var script: String
        package var mailbox: String
        package var isDry: Bool
        package var messages: [Message] = []
        package var moved = 0
        package var copied = 0
        package var marked = 0
        /// Moved to the trash.
        package var discarded = 0
        package var failed = 0
        /// Actions that are not done over stored mail.
        package var leftOut = 0
        /// nil: all is done.
        package var next: Place?

        /// Both as one, that of the later portion behind.
        package func joined(_ later: Report) -> Report {
            var whole = self
            whole.messages += later.messages
            whole.moved += later.moved
            whole.copied += later.copied
            whole.marked += later.marked
            whole.discarded += later.discarded
            whole.failed += later.failed
            whole.leftOut += later.leftOut
            whole.next = later.next
            return whole
        }
    }
}
