/// How front ends look for a domain's people.
///
/// Encodes to the JSON that managers write and front ends read, in snake case.
package struct DomainBranding: Hashable, Sendable, Codable {
    /// Octets of a product's name.
    package static let maximumName = 60

    /// Instead of the platform's name.
    package var productName: String?
    package var colours: Colours?
    /// Safe HTML: reduced before it is kept.
    package var headerHTML: String?
    package var footerHTML: String?

    package init() {}

    /// `#rgb` or `#rrggbb`.
    package struct Colours: Hashable, Sendable, Codable {
        package var primary: String?
        package var accent: String?
        package var background: String?
        package var text: String?
        package init() {}
    }

    private enum CodingKeys: String, CodingKey {
        case productName = "product_name"
        case colours
        case headerHTML = "header_html"
        case footerHTML = "footer_html"
    }
}
