import MailModel
import MailPolicy
import Testing

@Suite("Branding") struct BrandingRulesTests {
    static func png(width: UInt32, height: UInt32, _ tail: [UInt8] = []) -> [UInt8] {
        let sizes = [width, height].flatMap { side in (0..<4).map { UInt8(truncatingIfNeeded: side >> (24 - 8 * $0)) } }
        return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13] + Array("IHDR".utf8) + sizes
            + [8, 6, 0, 0, 0, 1, 2, 3, 4] + tail
    }

    static func jpeg(width: UInt8, height: UInt8) -> [UInt8] {
        [0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xFF, 0xC0, 0, 11, 8, 0, height, 0, width, 1, 1, 0x11, 0]
    }

    @Test func picturesAreToldByTheirOctets() throws {
        #expect(try LogoPicture.type(of: Self.png(width: 32, height: 2_048)) == "image/png")
        #expect(try LogoPicture.type(of: Self.jpeg(width: 9, height: 7)) == "image/jpeg")
    }

    @Test(arguments: [
        Array("<svg xmlns=\"http://www.w3.org/2000/svg\"/>".utf8), Array("GIF89a".utf8), [], [0xFF, 0xD8, 0xFF],
        Array("<html>".utf8), [0xFF, 0xD8, 0xFF, 0xDA, 0, 2, 0xFF, 0xC0, 0, 11, 8, 0, 1, 0, 1, 1, 1],
    ]) func othersAreNone(_ bytes: [UInt8]) {
        #expect(throws: LogoPicture.Fault.otherKind) { try LogoPicture.type(of: bytes) }
    }

    @Test func sizesAreBounded() {
        #expect(throws: LogoPicture.Fault.badSize) { try LogoPicture.type(of: Self.png(width: 2_049, height: 1)) }
        #expect(throws: LogoPicture.Fault.badSize) { try LogoPicture.type(of: Self.png(width: 0, height: 1)) }
        let long = [UInt8](repeating: 0, count: LogoPicture.limit)
        #expect(throws: LogoPicture.Fault.tooLarge) { try LogoPicture.type(of: Self.png(width: 1, height: 1, long)) }
    }

    @Test func everyCutOfAPictureIsRefusedOrMeasured() {
        for picture in [Self.png(width: 5, height: 5), Self.jpeg(width: 5, height: 5)] {
            for count in picture.indices { _ = try? LogoPicture.type(of: Array(picture[..<count])) }
        }
    }

    @Test(arguments: ["red", "#12345", "#12345g", "#123;}", "#12\u{301}", ""]) func aColourIsHexadecimal(_ text: String)
    {
        var branding = DomainBranding()
        branding.colours = DomainBranding.Colours()
        branding.colours?.accent = text
        #expect(branding.faults.map(\.pointer) == ["colours/accent"])
        branding.colours?.accent = "#A1b2C3"
        #expect(branding.faults.isEmpty)
    }
}
