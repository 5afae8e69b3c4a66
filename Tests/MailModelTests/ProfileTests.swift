import MailModel
import Testing

@Suite("Language tags and pictures") struct ProfileTests {
    struct Tag: Sendable, CustomTestStringConvertible {
        var testDescription: String { given }
        var given: String
        var read: String?
        init(_ given: String, _ read: String?) { (self.given, self.read) = (given, read) }

        static let all: [Tag] = [
            Tag("de", "de"), Tag("DE", "de"), Tag("pt-br", "pt-BR"), Tag("ZH-hant-tw", "zh-Hant-TW"),
            Tag("es-419", "es-419"),
            Tag("zh-cmn-Hans-CN", "zh-cmn-Hans-CN"), Tag("sl-rozaj-biske-1994", "sl-rozaj-biske-1994"),
            Tag("de-CH-1996", "de-CH-1996"), Tag("en-a-myExt-b-another", "en-a-myext-b-another"),
            Tag("x-whatever", "x-whatever"), Tag("de-x-goethe", "de-x-goethe"),
            Tag("qaa-Qaaa-QM-x-southern", "qaa-Qaaa-QM-x-southern"),
            Tag("", nil), Tag("d", nil), Tag("de-", nil), Tag("-de", nil), Tag("de--AT", nil), Tag("de_AT", nil),
            Tag("de-419-DE", nil), Tag("a-DE", nil), Tag("ar-a-aaa-b-bbb-a-ccc", nil), Tag("de-1996-1996", nil),
            Tag("en-a", nil),
            Tag("x", nil), Tag("de\r\n", nil), Tag("de\u{301}", nil), Tag("de\"\u{301}", nil), Tag("123", nil),
            Tag("de-abcdefghi", nil),
            Tag("de-x-" + String(repeating: "a-", count: 40) + "a", nil),
        ]
    }

    @Test("RFC 5646 §2.1: a tag is read by octets and written in the recommended case", arguments: Tag.all)
    func tag(_ tag: Tag) {
        #expect(LanguageTag(tag.given)?.description == tag.read)
    }

    private static func webp(_ name: String, _ rest: [UInt8]) -> [UInt8] {
        Array("RIFF".utf8) + [40, 0, 0, 0] + Array("WEBP".utf8) + Array(name.utf8) + [20, 0, 0, 0] + rest
    }

    @Test func `pictures are told by their own octets`() {
        let png =
            [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13] + Array("IHDR".utf8) + [
                0, 0, 1, 0, 0, 0, 0, 16,
            ]
        let header = PictureHeader(png + [8, 2, 0, 0, 0, 0, 0, 0, 0])
        #expect(header?.kind == .png && header?.width == 256 && header?.height == 16)
        let lossy = Self.webp("VP8 ", [0, 0, 0, 0x9D, 0x01, 0x2A, 0x40, 0x01, 0xF0, 0x00])
        #expect(PictureHeader(lossy).map { [$0.width, $0.height] } == [320, 240])
        let lossless = Self.webp("VP8L", [0x2F, 0x3F, 0xC1, 0x3B, 0x00, 0, 0, 0, 0, 0])
        #expect(PictureHeader(lossless).map { [$0.width, $0.height] } == [320, 240])
        let extended = Self.webp("VP8X", [0, 0, 0, 0, 0x3F, 0x01, 0x00, 0xEF, 0x00, 0x00])
        #expect(PictureHeader(extended).map { [$0.width, $0.height] } == [320, 240])
        for end in 0..<lossy.count { #expect(PictureHeader(Array(lossy[..<end])) == nil) }
        #expect(PictureHeader(Self.webp("ICCP", [UInt8](repeating: 0, count: 10))) == nil)
        #expect(PictureHeader(Array("<svg xmlns='http://www.w3.org/2000/svg'/>".utf8)) == nil)
        #expect(PictureHeader(Array("GIF89a".utf8) + [UInt8](repeating: 1, count: 40)) == nil)
    }
}
