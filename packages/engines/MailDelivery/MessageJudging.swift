package import MailModel
package import MailPorts

/// Applies the policies of the domains concerned to a whole message.
package protocol MessageJudging: Sendable {
    /// Why mail from outside, or from another domain here, is not taken; nil when it is.
    ///
    /// - Parameter message: without the trace field of this hop.
    func refusal(
        ofIncoming message: [UInt8],
        to domains: Set<String>
    ) async throws(StoreError) -> PolicyRefusal?
    /// The message as the account's domain lets it go out, before it is signed, or why it does not.
    func outgoing(_ message: [UInt8], by account: Account) async throws(StoreError) -> Result<[UInt8], PolicyFault>
}

/// A refusal as an error.
package struct PolicyFault: Error, Equatable {
    package var refusal: PolicyRefusal
    package init(refusal: PolicyRefusal) { self.refusal = refusal }
}
