/// A test that was checked.
indirect enum SieveTest: Sendable {
    case constant(Bool)
    case not(SieveTest)
    case all([SieveTest])
    case any([SieveTest])
    case header(SieveHeaderTest)
    case address(SieveAddressTest)
    case envelope(match: SieveMatch, part: SieveAddressPart, names: [SieveTemplate], keys: [SieveTemplate])
    case exists(names: [SieveTemplate], mime: SieveMIMEOption?)
    case size(isOver: Bool, limit: Int64)
    case string(match: SieveMatch, sources: [SieveTemplate], keys: [SieveTemplate])
    case hasFlag(match: SieveMatch, variables: [SieveTemplate]?, keys: [SieveTemplate])
    case date(SieveDateTest)
    case environment(match: SieveMatch, name: SieveTemplate, keys: [SieveTemplate])
    case body(SieveBodyTest)
    case mailboxExists([SieveTemplate])
    case specialUseExists(mailbox: SieveTemplate?, uses: [SieveTemplate])
    case duplicate(SieveDuplicateTest)
}

struct SieveHeaderTest: Sendable {
    var match = SieveMatch()
    var index: SieveIndex?
    var mime: SieveMIMEOption?
    var names: [SieveTemplate]
    var keys: [SieveTemplate]
}

struct SieveAddressTest: Sendable {
    var match = SieveMatch()
    var part = SieveAddressPart.all
    var index: SieveIndex?
    var mime: SieveMIMEOption?
    var names: [SieveTemplate]
    var keys: [SieveTemplate]
}

struct SieveDateTest: Sendable {
    enum Zone: Sendable {
        case local, original
        case given(SieveTemplate)
    }

    var match = SieveMatch()
    var index: SieveIndex?
    var zone = Zone.local
    /// nil for the current date.
    var header: SieveTemplate?
    var part: SieveTemplate
    var keys: [SieveTemplate]
}

struct SieveBodyTest: Sendable {
    enum Transform: Sendable {
        case raw, text
        case content([SieveTemplate])
    }

    var match = SieveMatch()
    var transform = Transform.text
    var keys: [SieveTemplate]
}

struct SieveDuplicateTest: Sendable {
    var handle: SieveTemplate?
    var header: SieveTemplate?
    var uniqueID: SieveTemplate?
    var seconds: Int64?
    var isRenewed = false
}

/// A command that was checked.
struct SieveStatement: Sendable {
    indirect enum Kind: Sendable {
        /// Branches in order; the test of `else` is true.
        case branch([(test: SieveTest, block: [SieveStatement])])
        case stop
        case keep(flags: [SieveTemplate]?)
        case discard
        case redirect(address: SieveTemplate, isCopy: Bool)
        case fileInto(SieveFilingCommand)
        case reject(text: SieveTemplate, isExtended: Bool)
        case vacation(SieveVacationCommand)
        case set(name: [UInt8], modifiers: [SieveModifier], value: SieveTemplate)
        case flags(SieveFlagChange, variable: [UInt8]?, flags: [SieveTemplate])
        case addHeader(name: SieveTemplate, value: SieveTemplate, isLast: Bool)
        case deleteHeader(SieveHeaderDeletion)
        case error(SieveTemplate)
        case forEveryPart(name: [UInt8]?, block: [SieveStatement])
        /// Leaves that many loops.
        case leave(loops: Int)
        case extractText(name: [UInt8], modifiers: [SieveModifier], first: Int64?)
    }

    var kind: Kind
    var place: SievePlace
}

struct SieveFilingCommand: Sendable {
    var mailbox: SieveTemplate
    var flags: [SieveTemplate]?
    var isCreated = false
    var specialUse: SieveTemplate?
    var isCopy = false
}

struct SieveVacationCommand: Sendable {
    var seconds: Int64?
    var subject: SieveTemplate?
    var from: SieveTemplate?
    var addresses: [SieveTemplate] = []
    var isMIME = false
    var handle: SieveTemplate?
    var reason: SieveTemplate
}

struct SieveHeaderDeletion: Sendable {
    var match = SieveMatch()
    var index: SieveIndex?
    var name: SieveTemplate
    /// nil deletes whatever the value.
    var patterns: [SieveTemplate]?
}

enum SieveFlagChange: Hashable, Sendable {
    case set, add, remove
}

/// What `set` does to the value, highest precedence first (RFC 5229 §4.1).
enum SieveModifier: Int, Hashable, Sendable {
    case lower, upper, lowerFirst, upperFirst, quoteWildcard, length

    var precedence: Int {
        switch self {
        case .lower, .upper: 40
        case .lowerFirst, .upperFirst: 30
        case .quoteWildcard: 20
        case .length: 10
        }
    }
}
