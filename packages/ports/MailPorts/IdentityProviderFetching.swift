package import MailModel

/// Why a provider was not asked, or gave nothing that can be read.
package enum ProviderFetchFault: Error, Equatable, Sendable {
    /// Not https, or an address that is not of the public Internet (permanent until somebody changes it).
    case addressRefused
    /// No such name (permanent), or no answer to the question for it (transient).
    case nameUnknown
    /// No connection, or TLS that does not verify.
    case unreachable
    case tooSlow
    /// More octets than are read.
    case tooLarge
    /// An answer that points elsewhere; none is followed.
    case redirected
    /// Too many requests of this kind from here.
    case tooMany
}

/// An answer, whatever its status but 3xx.
package struct ProviderAnswer: Equatable, Sendable {
    package var status: Int
    package var body: [UInt8]
    package init(status: Int, body: [UInt8]) { (self.status, self.body) = (status, body) }
}

/// Asks servers that a tenant's administrator names.
///
/// So nothing of ours may be reached by it: addresses that are not of the public Internet are refused, after the name is
/// resolved and for the very address that is connected to; redirects are not followed; sizes and times are bounded.
package protocol IdentityProviderFetching: Sendable {
    /// Octets of an answer that are read.
    static var longestAnswer: Int { get }
    /// Whether it would be asked at all, as far as its text tells.
    func mayAsk(_ address: WebAddress) -> Bool
    /// - Parameter authorization: the whole field; nil for none.
    func get(_ address: WebAddress, authorization: String?) async throws(ProviderFetchFault) -> ProviderAnswer
    /// - Parameter form: the body, as `application/x-www-form-urlencoded`.
    func post(
        _ address: WebAddress,
        form: String,
        authorization: String?
    ) async throws(ProviderFetchFault) -> ProviderAnswer
}
