package import MailModel

/// A domain's branding as it is kept.
package struct BrandingRecord: Hashable, Sendable {
    /// Grows with each change of the document or the logo.
    package var version: Int64
    package var branding: DomainBranding
    /// The logo's media type; nil without one.
    package var logoType: String?
    package init(version: Int64, branding: DomainBranding, logoType: String?) {
        (self.version, self.branding, self.logoType) = (version, branding, logoType)
    }
}

package struct BrandingLogo: Hashable, Sendable {
    /// `image/png` or `image/jpeg`.
    package var type: String
    package var bytes: [UInt8]
    package init(type: String, bytes: [UInt8]) { (self.type, self.bytes) = (type, bytes) }
}

/// Branding of domains.
package protocol BrandingStore: Sendable {
    /// nil where the domain has none, or is not hosted.
    func branding(ofDomain name: String) async throws(StoreError) -> BrandingRecord?
    func logo(ofDomain name: String) async throws(StoreError) -> BrandingLogo?
    /// - Parameter expected: the version that it replaces, 0 for none; nil: whichever there is.
    /// - Throws: `.notFound` when the domain is not hosted, `.alreadyExists` when there is another version than expected.
    func setBranding(
        _ branding: DomainBranding,
        ofDomain name: String,
        replacing expected: Int64?,
        audit: AuditEvent
    ) async throws(StoreError) -> BrandingRecord
    /// nil takes it away. `.notFound` when the domain is not hosted.
    func setLogo(
        _ logo: BrandingLogo?,
        ofDomain name: String,
        audit: AuditEvent
    ) async throws(StoreError) -> BrandingRecord
}
