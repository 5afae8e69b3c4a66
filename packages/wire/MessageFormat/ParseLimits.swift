/// Bounds on what one message may make the parser do; what lies beyond is not looked at, never an error.
package struct ParseLimits: Sendable {
    /// Header fields of one part.
    package var headerFields = 1_000
    /// Parts in parts; deeper ones are left as octets.
    package var depth = 100
    /// Parts in all.
    package var parts = 2_000
    /// Parameters of one Content-Type or Content-Disposition.
    package var parameters = 100
    /// Addresses of one field.
    package var addresses = 5_000
    /// Octets of a boundary that count.
    ///
    /// RFC 2046 §5.1.1 allows 70; some mail programs write more.
    package static let boundaryLength = 80
    /// Octets of one field that are decoded for a summary, many times what the summary keeps.
    package static let decodedField = 64 << 10
    package static let `default` = ParseLimits()
    package init() {}
}
