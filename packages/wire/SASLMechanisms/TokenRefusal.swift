/// Why a token is not good, and where a better one is had (RFC 7628 §3.2.2).
package struct TokenRefusal: Hashable, Sendable {
    /// The token is good, but not for this protocol.
    package var lacksScope: Bool
    /// What it must be for; nil: no provider is known.
    package var scope: String?
    /// Where the provider describes itself: an address without quotation marks, backslashes or control characters.
    package var configuration: String?

    package init(lacksScope: Bool = false, scope: String? = nil, configuration: String? = nil) {
        (self.lacksScope, self.scope, self.configuration) = (lacksScope, scope, configuration)
    }

    /// The JSON; in XOAUTH2's own form the status is HTTP's.
    func text(_ mechanism: SASLServerMechanism) -> String {
        var members: [String] =
            mechanism == .xoauth2
            ? [#""status":"\#(lacksScope ? "403" : "401")""#, #""schemes":"bearer""#]
            : [#""status":"\#(lacksScope ? "insufficient_scope" : "invalid_token")""#]
        if let scope { members.append(#""scope":"\#(scope)""#) }
        if let configuration, mechanism != .xoauth2 { members.append(#""openid-configuration":"\#(configuration)""#) }
        return "{\(members.joined(separator: ","))}"
    }
}
