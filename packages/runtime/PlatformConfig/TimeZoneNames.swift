import Glibc

/// Names of time zones that the system's zone data has (RFC 6557).
package struct TimeZoneNames: Sendable {
    /// Octets of a name.
    package static let maximumLength = 64
    package static let system = TimeZoneNames(folder: "/usr/share/zoneinfo")

    private let folder: String
    package init(folder: String) { self.folder = folder }

    /// Whether it names a zone, letter for letter; reads four octets of a file.
    package func contains(_ name: String) -> Bool {
        guard (1...Self.maximumLength).contains(name.utf8.count) else { return false }
        let parts = name.utf8.split(separator: 47, omittingEmptySubsequences: false)
        // No part is empty or has a dot, so the name stays within the folder. `posix` and `right` hold copies.
        guard parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(Self.isNameOctet) }), let first = parts.first,
            !first.elementsEqual("posix".utf8), !first.elementsEqual("right".utf8)
        else { return false }
        guard let file = fopen("\(folder)/\(name)", "rb") else { return false }
        defer { fclose(file) }
        // RFC 8536 §3.1: what a file of zone data begins with.
        var start = [UInt8](repeating: 0, count: 4)
        return fread(&start, 1, 4, file) == 4 && start.elementsEqual("TZif".utf8)
    }

    private static func isNameOctet(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 43 || byte == 45
            || byte == 95
    }
}
