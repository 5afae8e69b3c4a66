package import MailPorts

/// What is bound to a query: texts as `$1` to `$4`, the limit as `$5`.
package struct SQLParameters: Hashable, Sendable {
    package var texts: [String]
    package var limit: Int64
}

/// One connection with somebody's database, used by one thread at a time; every wait has a limit.
package protocol SQLReading {
    /// Nothing more can be done with it.
    var isLost: Bool { get }
    /// The first column of every row as text, in a transaction that cannot write; nil where it is NULL.
    func texts(
        _ statement: String,
        _ parameters: SQLParameters,
        atMost limit: Int
    ) throws(DirectoryFault) -> [String?]
}

/// A query with places for an address, which become bound parameters.
package struct SQLQuery: Hashable, Sendable {
    /// Octets.
    package static let longest = 4_000
    private static let places = ["address", "local", "domain", "after", "limit"]

    /// With `$1` to `$5`.
    private let statement: String

    /// nil for what is no single question.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard (8...Self.longest).contains(bytes.count), !bytes.contains(0) else { return nil }
        let start = bytes.drop { $0 == 32 || $0 == 10 || $0 == 13 || $0 == 9 }.prefix(7).map { $0 | 32 }
        guard start.starts(with: "select".utf8) || start.starts(with: "with".utf8) else { return nil }
        var written: [UInt8] = []
        var rest = bytes[...]
        while let open = rest.firstIndex(of: UInt8(ascii: "{")) {
            guard let close = rest[open...].firstIndex(of: UInt8(ascii: "}")),
                let place = Self.places.firstIndex(of: String(decoding: rest[(open + 1)..<close], as: UTF8.self))
            else { return nil }
            written += rest[..<open] + Array("$\(place + 1)".utf8)
            rest = rest[(close + 1)...]
        }
        statement = String(decoding: written + rest, as: UTF8.self)
    }

    /// One JSON object a row: what stands in parentheses can be a question only, and a line's end closes a comment.
    package var wrapped: String { "SELECT row_to_json(found)::text FROM (\(statement)\n) AS found" }

    package static func values(
        address: String,
        local: String,
        domain: String,
        after: String = "",
        limit: Int = 2
    ) -> SQLParameters {
        SQLParameters(texts: [address, local, domain, after], limit: Int64(limit))
    }
}
