import ByteParsing

/// Lists of IMAP flags as Sieve keeps them: each once, whatever its case (RFC 5232 §2).
enum SieveFlags {
    private static let system = ["\\answered", "\\flagged", "\\deleted", "\\seen", "\\draft"]

    /// The flags of strings that hold one or several with spaces between; what is none is passed over.
    ///
    /// RFC 5232 §2: "\Recent" is no flag that a script may set.
    static func list(_ strings: [[UInt8]], limits: SieveLimits) -> [[UInt8]] {
        adding(strings.flatMap { $0.split { $0 <= 32 }.map(Array.init) }, to: [], limits: limits)
    }

    static func adding(_ flags: [[UInt8]], to list: [[UInt8]], limits: SieveLimits) -> [[UInt8]] {
        var list = list
        for flag in flags where isFlag(flag) && flag.count <= limits.flagLength && list.count < limits.flags {
            if !list.contains(where: { $0.equalsIgnoringASCIICase(flag) }) { list.append(flag) }
        }
        return list
    }

    static func removing(_ flags: [[UInt8]], from list: [[UInt8]]) -> [[UInt8]] {
        list.filter { kept in !flags.contains { $0.equalsIgnoringASCIICase(kept) } }
    }

    /// `flag-keyword = atom`, or a system flag (RFC 9051 §9).
    private static func isFlag(_ text: [UInt8]) -> Bool {
        if text.first == ASCII.backslash { return system.contains { text.equalsIgnoringASCIICase($0.utf8) } }
        return isAtom(text[...])
    }

    /// `use-attr = "\" atom` (RFC 6154 §6).
    static func isUse(_ text: [UInt8]) -> Bool {
        text.first == ASCII.backslash && isAtom(text.dropFirst()) && text.count <= 64
    }

    private static func isAtom(_ text: ArraySlice<UInt8>) -> Bool {
        !text.isEmpty && text.allSatisfy { $0 > 32 && $0 < 127 && !"(){%*\"\\]".utf8.contains($0) }
    }
}
