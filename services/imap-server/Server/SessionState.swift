import MailModel
import MailPorts
import MailboxEngine

/// One session's protocol state.
///
/// A value: it goes to the running command and comes back with its outcome.
struct SessionState: Sendable {
    /// nil: not authenticated (RFC 9051 §3.1).
    var account: AccountID?
    var selected: SelectedMailbox?
    /// RFC 6855: UTF8=ACCEPT has been enabled, or IMAP4rev2, which means it too.
    var isUTF8 = false
    var isRev2 = false
    /// UIDs of `$` (RFC 5182).
    var saved: [ClosedRange<UInt32>] = []
}

struct SelectedMailbox: Sendable {
    var place: MailboxPlace
    /// By EXAMINE; what rights do not allow is asked of them.
    var isReadOnly: Bool
    var lease: MailboxLease
    var view: MailboxView
}
