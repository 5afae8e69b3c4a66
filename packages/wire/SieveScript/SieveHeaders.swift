import ByteParsing

/// Names of header fields as scripts may give them.
enum SieveHeaders {
    /// Octets of a name that anything in use has.
    private static let longestName = 200

    /// `field-name = 1*ftext` (RFC 5322 §3.6.8).
    static func isFieldName(_ text: [UInt8]) -> Bool {
        !text.isEmpty && text.count <= longestName && text.allSatisfy { $0 > 32 && $0 < 127 && $0 != ASCII.colon }
    }
}
