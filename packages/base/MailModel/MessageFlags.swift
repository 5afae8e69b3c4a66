/// The system flags of RFC 9051 §2.3.2 as one bit set; keywords live beside it.
package struct MessageFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let seen = MessageFlags(rawValue: 1)
    package static let answered = MessageFlags(rawValue: 2)
    package static let flagged = MessageFlags(rawValue: 4)
    package static let deleted = MessageFlags(rawValue: 8)
    package static let draft = MessageFlags(rawValue: 16)
}

/// A message's keywords (RFC 9051 §2.3.2: `$Forwarded`, `$Junk`, and any atom a client chooses).
///
/// Compared without regard to ASCII case; kept sorted and as first written. Most messages have none.
package struct Keywords: Hashable, Sendable {
    /// Sorted by their lower-case form, no two alike.
    package private(set) var names: [String]

    package static let none = Keywords()
    package init() { names = [] }
    package init(_ names: some Sequence<String>) {
        self.names = []
        for name in names { insert(name) }
    }

    package var isEmpty: Bool { names.isEmpty }

    package func contains(_ name: String) -> Bool {
        let key = EmailAddress.lowercased(name)
        return names.contains { EmailAddress.lowercased($0) == key }
    }

    package mutating func insert(_ name: String) {
        guard !contains(name) else { return }
        let key = EmailAddress.lowercased(name)
        let place = names.firstIndex { EmailAddress.lowercased($0) > key } ?? names.endIndex
        names.insert(name, at: place)
    }

    package mutating func remove(_ name: String) {
        let key = EmailAddress.lowercased(name)
        names.removeAll { EmailAddress.lowercased($0) == key }
    }
}

/// RFC 6154 §2 and RFC 8457: what a mailbox is for.
package enum SpecialUse: String, CaseIterable, Hashable, Sendable {
    case all, archive, drafts, flagged, junk, sent, trash, important

    /// As LIST shows it: `\Sent`.
    package var attribute: String { "\\" + rawValue.prefix(1).uppercased() + rawValue.dropFirst() }
}
