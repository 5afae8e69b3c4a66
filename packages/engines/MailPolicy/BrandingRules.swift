import ByteParsing
package import MailModel
import SafeHTML

extension DomainBranding {
    /// Everything that is wrong; empty for what can be kept.
    package var faults: [PolicyMemberFault] {
        var faults: [PolicyMemberFault] = []
        if let productName {
            let isLine = productName.utf8.allSatisfy { $0 >= 32 && $0 != 127 }
            if !(1...Self.maximumName).contains(productName.utf8.count) || !isLine {
                let why = "1 to \(Self.maximumName) octets without control characters."
                faults.append(PolicyMemberFault(pointer: "product_name", why: why))
            }
        }
        for (name, colour) in [
            ("primary", colours?.primary), ("accent", colours?.accent), ("background", colours?.background),
            ("text", colours?.text),
        ] {
            guard let colour, !Self.isColour(colour) else { continue }
            faults.append(PolicyMemberFault(pointer: "colours/\(name)", why: "#rgb or #rrggbb."))
        }
        for (name, html) in [("header_html", headerHTML), ("footer_html", footerHTML)] {
            guard let html, html.utf8.count > HTMLSanitizer.limit else { continue }
            faults.append(PolicyMemberFault(pointer: name, why: "At most \(HTMLSanitizer.limit) octets."))
        }
        return faults
    }

    /// Front ends put it into a style: nothing else may stand there.
    private static func isColour(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return (bytes.count == 4 || bytes.count == 7) && bytes[0] == UInt8(ascii: "#")
            && bytes.dropFirst().allSatisfy { $0.hexDigitValue != nil }
    }

    /// With its HTML reduced to what shows text.
    package var sanitized: DomainBranding {
        var branding = self
        branding.headerHTML = headerHTML.map { HTMLSanitizer.sanitized($0) }
        branding.footerHTML = footerHTML.map { HTMLSanitizer.sanitized($0) }
        return branding
    }
}

/// Pictures that are taken: PNG and JPEG, told by their own octets.
///
/// SVG is a document that can act, and is none.
package enum LogoPicture {
    /// Octets.
    package static let limit = 256 << 10
    /// Width and height in pixels.
    package static let maximumSide = 2_048

    package enum Fault: Error, Hashable, Sendable {
        case tooLarge
        /// Neither PNG nor JPEG.
        case otherKind
        /// Of more pixels than are taken, or none.
        case badSize
    }

    /// The media type, when it is a picture that is taken.
    package static func type(of bytes: [UInt8]) throws(Fault) -> String {
        guard bytes.count <= limit else { throw .tooLarge }
        let (type, size) = try measured(bytes)
        guard (1...maximumSide).contains(size.width), (1...maximumSide).contains(size.height) else { throw .badSize }
        return type
    }

    private static func measured(_ bytes: [UInt8]) throws(Fault) -> (String, (width: Int, height: Int)) {
        guard let header = PictureHeader(bytes) else { throw .otherKind }
        switch header.kind {
        case .png, .jpeg: return (header.kind.rawValue, (header.width, header.height))
        // Programs that read mail show no WebP everywhere.
        case .webp: throw .otherKind
        }
    }
}
