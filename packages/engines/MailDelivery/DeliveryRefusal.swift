/// Why a whole message is not taken after its last octet.
package enum DeliveryRefusal: Error, Equatable, Sendable {
    /// More Received fields than any honest path has (permanent).
    case loop
    /// The sender in the envelope or in the header is not an address of the account (permanent).
    case senderNotOwned
    /// The header is not one that may be sent: the text says what is wrong, and the client may read it (permanent).
    case malformed(String)
    /// A recipient's mailbox has no room (transient).
    case mailboxFull
    /// It is larger than a recipient's whole quota (permanent).
    case neverFits
    /// The store cannot take it now (transient); the log has the cause under the id.
    case unavailable(reportID: String)
}
