/// Why a program cannot register itself, as it reads it (RFC 7591 §3.2.2).
package struct RegistrationFault: Error, Hashable, Sendable {
    /// The codes of RFC 7591 §3.2.2 that are given here: a statement is refused whoever signed it.
    package enum Code: String, Sendable {
        case invalidRedirectURI = "invalid_redirect_uri"
        case invalidClientMetadata = "invalid_client_metadata"
        case invalidSoftwareStatement = "invalid_software_statement"
    }

    package var code: Code
    /// ASCII, as RFC 7591 §3.2.2 has it; nothing of the request stands in it.
    package var why: String
    package init(_ code: Code, _ why: String) { (self.code, self.why) = (code, why) }
}
