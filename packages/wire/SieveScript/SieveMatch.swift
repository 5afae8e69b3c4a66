/// How strings are compared: match type and comparator (RFC 5228 §2.7, RFC 5231).
struct SieveMatch: Hashable, Sendable {
    enum Comparator: String, Hashable, Sendable {
        case octet = "i;octet"
        case casemap = "i;ascii-casemap"
        case numeric = "i;ascii-numeric"
    }

    enum Relation: String, Hashable, Sendable, CaseIterable {
        case greater = "gt"
        case greaterOrEqual = "ge"
        case less = "lt"
        case lessOrEqual = "le"
        case equal = "eq"
        case notEqual = "ne"
    }

    enum Kind: Hashable, Sendable {
        case equals, contains, matches
        case value(Relation)
        /// The number of values is compared, not they.
        case count(Relation)
    }

    var kind = Kind.equals
    // RFC 5228 §2.7.3: "If left unspecified, the default is i;ascii-casemap."
    var comparator = Comparator.casemap

    var counts: Bool {
        if case .count = kind { true } else { false }
    }
}

/// The part of an address that is looked at (RFC 5228 §2.7.4, RFC 5233).
enum SieveAddressPart: Hashable, Sendable {
    case all, localPart, domain, user, detail
}

/// A field by its place among those of its name (RFC 5260 §6).
struct SieveIndex: Hashable, Sendable {
    /// From 1.
    var number: Int64
    var isFromLast: Bool
}

/// What `:mime` asks of a field (RFC 5703 §4).
struct SieveMIMEOption: Sendable {
    enum Part: Sendable {
        case whole, type, subtype, contentType
        case parameters([SieveTemplate])
    }

    var part = Part.whole
    /// Looks into the parts within, too.
    var hasChildren = false
}
