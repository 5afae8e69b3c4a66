/// What a script is made of (RFC 5228 §8.1).
struct SieveToken: Sendable {
    enum Kind: Hashable, Sendable {
        /// In lower case.
        case identifier([UInt8])
        /// Without its colon, in lower case.
        case tag([UInt8])
        case number(Int64)
        case string([UInt8])
        /// One of `;,(){}[]`.
        case mark(UInt8)
        case end
    }

    var kind: Kind
    var place: SievePlace

    /// How a sentence names it.
    var name: String {
        switch kind {
        case .identifier(let name): quoted(name)
        case .tag(let name): quoted([58] + name)
        case .number(let value): "the number \(value)"
        case .string(let text): "the string \(quoted(text))"
        case .mark(let byte): quoted([byte])
        case .end: "the end of the script"
        }
    }
}
