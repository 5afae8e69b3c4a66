import ByteParsing

/// The header of a message on its way in or out: looked up, shortened, put before.
package struct HeaderBlock: Sendable {
    package let bytes: [UInt8]
    package let fields: HeaderFields

    package init(_ message: [UInt8], limits: ParseLimits = .default) {
        bytes = message
        fields = HeaderFields(message, from: 0, to: message.count, limit: limits.headerFields)
    }

    /// Behind the empty line.
    package var bodyStart: Int { fields.range.upperBound }

    /// Values of the fields of that name, unfolded; `name` in lower case.
    package func values(_ name: StaticString) -> [[UInt8]] {
        fields.fields.filter { bytes[$0.name].equalsIgnoringASCIICase(name) }.map { unfolded(bytes, $0.value) }
    }

    package func contains(_ name: StaticString) -> Bool {
        fields.fields.contains { bytes[$0.name].equalsIgnoringASCIICase(name) }
    }

    package func count(_ name: StaticString) -> Int {
        fields.fields.count { bytes[$0.name].equalsIgnoringASCIICase(name) }
    }

    /// The message without the fields of those names, everything else octet by octet.
    package func removing(_ names: [StaticString]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        var start = 0
        for field in fields.fields where names.contains(where: { bytes[field.name].equalsIgnoringASCIICase($0) }) {
            output += bytes[start..<field.line.lowerBound]
            start = field.line.upperBound
        }
        output += bytes[start...]
        return output
    }
}
