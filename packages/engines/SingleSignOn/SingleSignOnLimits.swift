/// Bounds on signing in by providers.
package struct SingleSignOnLimits: Sendable {
    /// Between the start and the way back.
    package var stepSeconds: Int64 = 600
    /// Between the way back and the exchange of the code.
    package var codeSeconds: Int64 = 60
    /// How long ago a person may have proved to the provider who they are, where that stands for a password.
    package var confirmationSeconds: Int64 = 300
    /// Clocks of a provider may differ by so much.
    package var leewaySeconds: Int64 = 60
    /// An ID token may be as old as this.
    package var tokenSeconds: Int64 = 600
    /// Documents and keys of a provider are asked for again after this.
    package var cacheSeconds: Int64 = 3_600
    /// An unknown key has the keys asked for again, not more often than this.
    package var keySeconds: Int64 = 60
    /// Providers that are remembered.
    package var providers = 1_000
    /// Questions to one provider's documents in a minute, when they do not come.
    package var failuresPerMinute = 20
    /// Checks of a domain's connection in a minute.
    package var checksPerMinute = 10
    /// Octets of names, claims and scopes of a connection.
    package static let longestText = 255
    /// Octets of a client secret.
    package static let longestSecret = 1_024
    /// Octets of what a provider sends back by the browser.
    package static let longestAnswer = 4_096
    package init() {}
}
