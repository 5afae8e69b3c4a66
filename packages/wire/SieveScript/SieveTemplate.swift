import ByteParsing

/// A string of a script, with the variables that are to be put in (RFC 5229 §3).
struct SieveTemplate: Sendable {
    enum Piece: Hashable, Sendable {
        case literal([UInt8])
        /// In lower case.
        case variable([UInt8])
        /// A match variable: `${0}` is the whole.
        case match(Int)
    }

    /// Match variables that can be named, `${0}` among them.
    static let matchVariables = 1_000

    let pieces: [Piece]
    let place: SievePlace

    /// The text when no variable is in it.
    var constant: [UInt8]? {
        switch pieces.first {
        case nil: []
        case .literal(let text) where pieces.count == 1: text
        case .literal, .variable, .match: nil
        }
    }

    init(constant: [UInt8], place: SievePlace) {
        (self.pieces, self.place) = ([.literal(constant)], place)
    }

    /// Encoded characters are decoded first (RFC 5229 §3: "before the variable substitution").
    init(
        _ literal: SieveLiteral,
        decodesCharacters: Bool,
        hasVariables: Bool,
        limits: SieveLimits
    ) throws(SieveFault) {
        place = literal.place
        let text = decodesCharacters ? try Self.decoded(literal) : literal.bytes
        pieces = hasVariables ? try Self.pieces(text, literal.place, limits) : [.literal(text)]
    }

    // MARK: - Encoded characters

    /// `encoded-arb-octets = "${hex:" hex-pair-seq "}"`, `encoded-unicode-char = "${unicode:" unicode-hex-seq "}"`
    /// (RFC 5228 §2.4.2.4).
    ///
    /// What breaks the grammar is text.
    private static func decoded(_ literal: SieveLiteral) throws(SieveFault) -> [UInt8] {
        let text = literal.bytes
        var output: [UInt8] = []
        var index = 0
        while index < text.count {
            guard text[index] == 36, let (bytes, end) = try encoded(text, index, literal.place) else {
                output.append(text[index])
                index += 1
                continue
            }
            output += bytes
            index = end
        }
        return output
    }

    private static func encoded(
        _ text: [UInt8],
        _ start: Int,
        _ place: SievePlace
    ) throws(SieveFault) -> ([UInt8], Int)? {
        let isHex = text[start...].prefix(6).equalsIgnoringASCIICase("${hex:")
        guard isHex || text[start...].prefix(10).equalsIgnoringASCIICase("${unicode:") else { return nil }
        let bodyStart = start + (isHex ? 6 : 10)
        // The grammar allows digits and blanks only, so the search ends at the first other octet.
        let isPart: (UInt8) -> Bool = { $0.hexDigitValue != nil || $0.isASCIIWhitespace || $0 == 13 || $0 == 10 }
        guard let end = text[bodyStart...].firstIndex(where: { !isPart($0) }), text[end] == ASCII.rightBrace else {
            return nil
        }
        let numbers = text[bodyStart..<end].split { $0.hexDigitValue == nil }
        guard !numbers.isEmpty else { return nil }
        var output: [UInt8] = []
        for digits in numbers {
            if isHex {
                guard digits.count <= 2 else { return nil }
                output.append(digits.reduce(0) { $0 << 4 | ($1.hexDigitValue ?? 0) })
                continue
            }
            let isLong = digits.drop { $0 == 48 }.count > 6
            let value = isLong ? UInt32.max : digits.reduce(UInt32(0)) { $0 << 4 | UInt32($1.hexDigitValue ?? 0) }
            guard let scalar = Unicode.Scalar(value) else {
                throw place.fault(
                    "\(quoted(digits)) is no Unicode character; write 0 to D7FF or E000 to 10FFFF in \"${unicode:…}\"."
                )
            }
            output += Array(String(Character(scalar)).utf8)
        }
        return (output, end + 1)
    }

    // MARK: - Variables

    /// `variable-ref = "${" [namespace] variable-name "}"` (RFC 5229 §3).
    ///
    /// What breaks the grammar is text.
    private static func pieces(
        _ text: [UInt8],
        _ place: SievePlace,
        _ limits: SieveLimits
    ) throws(SieveFault) -> [Piece] {
        var pieces: [Piece] = []
        var literal: [UInt8] = []
        var index = 0
        while index < text.count {
            guard text[index] == 36, index + 1 < text.count, text[index + 1] == ASCII.leftBrace,
                let (piece, end) = try reference(text, index + 2, place, limits)
            else {
                literal.append(text[index])
                index += 1
                continue
            }
            if !literal.isEmpty { pieces.append(.literal(literal)) }
            literal = []
            pieces.append(piece)
            index = end
        }
        if !literal.isEmpty { pieces.append(.literal(literal)) }
        return pieces
    }

    private static func reference(
        _ text: [UInt8],
        _ start: Int,
        _ place: SievePlace,
        _ limits: SieveLimits
    ) throws(SieveFault) -> (Piece, Int)? {
        let isPart: (UInt8) -> Bool = { $0.isASCIIAlphanumeric || $0 == UInt8(ascii: "_") || $0 == ASCII.dot }
        guard let end = text[start...].firstIndex(where: { !isPart($0) }), text[end] == ASCII.rightBrace else {
            return nil
        }
        let parts = text[start..<end].split(separator: ASCII.dot, omittingEmptySubsequences: false)
        guard parts.allSatisfy({ isVariableName($0) || isNumber($0) }), let first = parts.first else { return nil }
        guard parts.count == 1 else {
            // RFC 5229 §3: "References to namespaces without a prior require statement for the relevant extension
            // MUST cause an error."
            guard isVariableName(first) else { return nil }
            throw place.fault("The namespace \(quoted(first)) of a variable is not known; use variables without a dot.")
        }
        if isNumber(first) {
            let digits = first.drop { $0 == 48 }
            guard digits.count <= 3 else {
                throw place.fault("The match variable \(quoted(first)) is too large; 999 is the last.")
            }
            return (.match(digits.reduce(0) { $0 * 10 + Int($1 - 48) }), end + 1)
        }
        guard first.count <= limits.variableName else {
            throw place.fault(
                "The name of the variable \(quoted(first)) is too long; \(limits.variableName) octets are the most."
            )
        }
        return (.variable(first.map(\.asciiLowercased)), end + 1)
    }

    /// `identifier` of RFC 5228 §8.1.
    static func isVariableName(_ text: some Collection<UInt8>) -> Bool {
        guard let first = text.first, first.isASCIILetter || first == UInt8(ascii: "_") else { return false }
        return text.allSatisfy { $0.isASCIIAlphanumeric || $0 == UInt8(ascii: "_") }
    }

    private static func isNumber(_ text: some Collection<UInt8>) -> Bool {
        !text.isEmpty && text.allSatisfy(\.isASCIIDigit)
    }
}
