import MailModel
import MailPorts
import Testing

@Suite("Port: BrandingStore") struct BrandingConformance {
    @Test(arguments: StoreFactory.all) func documentAndLogoChangeApart(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        try await test.account("ann@shop.test")
        let audit = AuditEvent(at: test.clock.now(), actor: "cli", action: "domain.branding", subject: "shop.test")
        #expect(try await test.store.branding(ofDomain: "shop.test") == nil)
        let logo = BrandingLogo(type: "image/png", bytes: [0, 1, 255])
        #expect(try await test.store.setLogo(logo, ofDomain: "shop.test", audit: audit).version == 1)
        var branding = DomainBranding()
        branding.productName = "Grüße"
        branding.headerHTML = "<b>x</b>"
        let second = try await test.store.setBranding(branding, ofDomain: "Shop.test", replacing: 1, audit: audit)
        #expect(second == BrandingRecord(version: 2, branding: branding, logoType: "image/png"))
        await #expect(throws: StoreError.alreadyExists) {
            try await test.store.setBranding(branding, ofDomain: "shop.test", replacing: 1, audit: audit)
        }
        #expect(try await test.store.branding(ofDomain: "SHOP.test") == second)
        #expect(try await test.store.logo(ofDomain: "shop.test") == logo)
        #expect(try await test.store.setLogo(nil, ofDomain: "shop.test", audit: audit).logoType == nil)
        #expect(try await test.store.logo(ofDomain: "shop.test") == nil)
        #expect(try await test.store.branding(ofDomain: "shop.test")?.branding == branding)
        for missing in ["none.test", ""] {
            #expect(try await test.store.branding(ofDomain: missing) == nil)
            await #expect(throws: StoreError.notFound) {
                try await test.store.setLogo(logo, ofDomain: missing, audit: audit)
            }
        }
        _ = try await test.store.take(.delete(purgeAt: test.clock.now()), on: "shop.test", audit: audit)
        #expect(try await test.store.branding(ofDomain: "shop.test") == nil)
    }
}
