import MailCrypto

/// An entity tag (RFC 9110 §8.8.3), without its quotes.
package struct EntityTag: Hashable, Sendable {
    package var isWeak = false
    package var opaque: [UInt8]

    /// The strong tag of a representation: as many others as there are octets that differ.
    package init(of body: [UInt8], type: String?) {
        opaque = Array(Base64URL.encode(Array(SHA256.hash(Array((type ?? "").utf8) + [0] + body)[..<15])).utf8)
    }

    /// The strong tag of a version that changes with every change.
    package init(version: Int64) { opaque = Array("v\(version)".utf8) }

    init(isWeak: Bool, opaque: [UInt8]) { (self.isWeak, self.opaque) = (isWeak, opaque) }

    package var text: String { "\(isWeak ? "W/" : "")\"\(String(decoding: opaque, as: UTF8.self))\"" }

    /// RFC 9110 §8.8.3.2.
    func isStronglyEqual(to other: EntityTag) -> Bool { !isWeak && !other.isWeak && opaque == other.opaque }
    func isWeaklyEqual(to other: EntityTag) -> Bool { opaque == other.opaque }

    init?(text: String) {
        guard case .tags(let tags)? = EntityTagList(text), tags.count == 1 else { return nil }
        self = tags[0]
    }
}

/// What `If-Match` or `If-None-Match` names (RFC 9110 §13.1.1, §13.1.2).
enum EntityTagList: Equatable {
    /// Tags of one field.
    static let limit = 50

    case any
    case tags([EntityTag])

    /// ```
    /// If-Match   = "*" / #entity-tag
    /// entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE
    /// etagc      = %x21 / %x23-7E / obs-text
    /// ```
    init?(_ text: String) {
        var rest = Array(text.utf8)[...]
        Self.skip(&rest, [32, 9])
        if rest.first == UInt8(ascii: "*") {
            rest = rest.dropFirst()
            Self.skip(&rest, [32, 9])
            guard rest.isEmpty else { return nil }
            self = .any
            return
        }
        var tags: [EntityTag] = []
        Self.skip(&rest, [32, 9, 44])
        while !rest.isEmpty {
            guard tags.count < Self.limit else { return nil }
            let isWeak = rest.starts(with: [87, 47])
            if isWeak { rest = rest.dropFirst(2) }
            guard rest.popFirst() == 34 else { return nil }
            let opaque = rest.prefix { $0 == 33 || (35...126).contains($0) || $0 >= 128 }
            rest = rest.dropFirst(opaque.count)
            guard rest.popFirst() == 34 else { return nil }
            tags.append(EntityTag(isWeak: isWeak, opaque: Array(opaque)))
            Self.skip(&rest, [32, 9])
            guard rest.isEmpty || rest.first == 44 else { return nil }
            Self.skip(&rest, [32, 9, 44])
        }
        // RFC 9110 §5.6.1.2: a list may be empty; it matches nothing.
        self = .tags(tags)
    }

    private static func skip(_ rest: inout ArraySlice<UInt8>, _ bytes: Set<UInt8>) {
        rest = rest.drop { bytes.contains($0) }
    }
}
