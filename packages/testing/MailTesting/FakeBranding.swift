package import MailModel
package import MailPorts
import Synchronization

/// Branding in memory, of whatever domain.
package final class FakeBranding: BrandingStore {
    private let kept = Mutex<[String: (record: BrandingRecord, logo: BrandingLogo?)]>([:])
    package init() {}

    package func branding(ofDomain name: String) async throws(StoreError) -> BrandingRecord? {
        kept.withLock { $0[name]?.record }
    }

    package func logo(ofDomain name: String) async throws(StoreError) -> BrandingLogo? {
        kept.withLock { $0[name]?.logo }
    }

    package func setBranding(
        _ branding: DomainBranding,
        ofDomain name: String,
        replacing expected: Int64?,
        audit: AuditEvent
    ) async throws(StoreError) -> BrandingRecord {
        kept.withLock { kept in
            let old = kept[name]
            let record = BrandingRecord(
                version: (old?.record.version ?? 0) + 1,
                branding: branding,
                logoType: old?.logo?.type
            )
            kept[name] = (record, old?.logo)
            return record
        }
    }

    package func setLogo(
        _ logo: BrandingLogo?,
        ofDomain name: String,
        audit: AuditEvent
    ) async throws(StoreError) -> BrandingRecord {
        kept.withLock { kept in
            let old = kept[name]?.record
            let record = BrandingRecord(
                version: (old?.version ?? 0) + 1,
                branding: old?.branding ?? DomainBranding(),
                logoType: logo?.type
            )
            kept[name] = (record, logo)
            return record
        }
    }
}
