package import MailModel
package import MailPorts

/// Writes to nobody: for tests in which nothing is told.
package struct NoNotices: AccountNoticeSending {
    package init() {}
    package func plan(
        to readers: [Account],
        subject: String,
        text: String,
        now: Timestamp
    ) async throws(StoreError) -> DeliveryPlan { throw .refused("no fake") }

    package func send(
        to readers: [Account],
        subject: String,
        text: String,
        now: Timestamp
    ) async throws(StoreError) { throw .refused("no fake") }
}
