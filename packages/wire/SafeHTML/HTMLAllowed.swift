import ByteParsing

/// What of HTML may stay.
enum HTMLAllowed {
    private static func names(_ text: String) -> Set<[UInt8]> {
        Set(text.utf8.split(separator: 32).map { Array($0) })
    }

    static let elements = names(
        """
        a abbr b big blockquote br center code div em font h1 h2 h3 h4 h5 h6 hr i img li ol p pre s small span strong sub sup \
        table tbody td tfoot th thead tr u ul
        """
    )
    static let voidElements = names("br hr img")
    /// Whose contents are no text.
    static let rawElements = names(
        """
        script style iframe object embed applet noscript noembed noframes template title textarea xmp plaintext svg math select \
        option audio video canvas head
        """
    )
    private static let everywhere = names(
        "align alt bgcolor border cellpadding cellspacing color colspan dir face height lang rowspan size style title valign width"
    )
    private static let properties = names(
        """
        background-color border border-bottom border-collapse border-color border-left border-radius border-right border-spacing \
        border-style border-top border-width color display font font-family font-size font-style font-weight height letter-spacing \
        line-height list-style-type margin margin-bottom margin-left margin-right margin-top max-width min-width padding \
        padding-bottom padding-left padding-right padding-top text-align text-decoration text-transform vertical-align \
        white-space width
        """
    )

    /// The value as it stays; nil when the attribute goes.
    ///
    /// - Parameter value: with references resolved.
    static func value(_ value: [UInt8], of name: [UInt8], in element: [UInt8]) -> [UInt8]? {
        if name.elementsEqual("href".utf8) {
            return element.elementsEqual("a".utf8) ? link(value, ["https:", "http:", "mailto:", "tel:"]) : nil
        }
        if name.elementsEqual("src".utf8) {
            return element.elementsEqual("img".utf8) ? link(value, ["https:"]) : nil
        }
        guard everywhere.contains(name) else { return nil }
        return name.elementsEqual("style".utf8) ? style(value) : value.filter { $0 >= 32 && $0 != 127 }
    }

    /// Browsers leave white space and control characters out of what they take for a scheme: so they go first.
    private static func link(_ value: [UInt8], _ schemes: [String]) -> [UInt8]? {
        let link = value.filter { $0 > 32 && $0 != 127 }
        let isKnown = schemes.contains { scheme in
            link.count > scheme.utf8.count && link.prefix(scheme.utf8.count).equalsIgnoringASCIICase(Array(scheme.utf8))
        }
        return isKnown ? link : nil
    }

    /// Declarations of known properties whose values call nothing: no brackets, no escapes, no colon.
    private static func style(_ value: [UInt8]) -> [UInt8]? {
        var kept: [[UInt8]] = []
        for declaration in value.split(separator: ASCII.semicolon) {
            let parts = declaration.split(separator: ASCII.colon, maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            let name = trimmed(parts[0]).map(\.asciiLowercased)
            let text = trimmed(parts[1])
            guard properties.contains(name), !text.isEmpty, text.allSatisfy(isHarmless) else { continue }
            kept.append(name + [ASCII.colon] + text)
        }
        return kept.isEmpty ? nil : Array(kept.joined(separator: [ASCII.semicolon]))
    }

    private static func isHarmless(_ byte: UInt8) -> Bool {
        byte.isASCIIAlphanumeric || Array("#%., -'".utf8).contains(byte)
    }

    private static func trimmed(_ text: ArraySlice<UInt8>) -> [UInt8] {
        Array(text.drop { $0 <= 32 }.reversed().drop { $0 <= 32 }.reversed())
    }
}
