package import MailModel

/// Something changed in an account; readers ask the store what, from the modseq they know.
package struct Change: Hashable, Sendable {
    package var account: AccountID
    /// nil: the list of mailboxes changed.
    package var mailbox: MailboxID?
    package var modSeq: ModSeq
    package init(account: AccountID, mailbox: MailboxID?, modSeq: ModSeq) {
        self.account = account
        self.mailbox = mailbox
        self.modSeq = modSeq
    }
}

/// Tells interested sessions of committed changes.
///
/// Lossy only by merging: a slow listener gets the newest per mailbox.
package protocol ChangeFeed: Sendable {
    /// Never blocks. Called by stores after a commit.
    func publish(_ changes: [Change])
    /// Changes of the account from now on, until the returned listener is cancelled. The closure is called on any thread and must return at once.
    func listen(to account: AccountID, _ onChange: @escaping @Sendable (Change) -> Void) -> ChangeListener
    /// New rows wait in the outbound queue.
    func publishQueueWork()
    func listenForQueueWork(_ onWork: @escaping @Sendable () -> Void) -> ChangeListener
    /// Changes that were found in the store, made by another process: for listeners of this process only.
    func relay(_ changes: [Change])
    func relayQueueWork()
}

extension ChangeFeed {
    package func relay(_ changes: [Change]) { publish(changes) }
    package func relayQueueWork() { publishQueueWork() }
}

/// Ends a subscription when cancelled or released.
package final class ChangeListener: Sendable {
    private let onCancel: @Sendable () -> Void
    package init(onCancel: @escaping @Sendable () -> Void) { self.onCancel = onCancel }
    package func cancel() { onCancel() }
    deinit { onCancel() }
}
