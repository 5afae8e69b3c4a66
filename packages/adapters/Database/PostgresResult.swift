import CLibPQ
import Glibc

/// What one statement gave; freed with its last reference.
final class PostgresResult {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { PQclear(pointer) }

    var rows: Int32 { PQntuples(pointer) }
    var changed: Int { Int(atoll(PQcmdTuples(pointer))) }
    var isFailure: Bool { [PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE].contains(PQresultStatus(pointer)) }
    var isAborted: Bool { PQresultStatus(pointer) == PGRES_PIPELINE_ABORTED }
    var isSync: Bool { PQresultStatus(pointer) == PGRES_PIPELINE_SYNC }
    /// `COMMIT`, `INSERT 0 1`.
    var command: String { String(cString: PQcmdStatus(pointer)) }

    func fault(doing statement: String) -> PostgresFault {
        PostgresFault(
            sqlState: field(67),
            message: field(77).isEmpty ? Self.line(PQresultErrorMessage(pointer)) : field(77),
            statement: statement
        )
    }

    /// One of `PG_DIAG_*`, which are characters: C (SQLSTATE), M (primary message).
    private func field(_ code: Int32) -> String {
        PQresultErrorField(pointer, code).map { String(cString: $0) } ?? ""
    }

    /// libpq's messages end with a line feed and may have several lines.
    static func line(_ text: UnsafePointer<CChar>?) -> String {
        guard let text else { return "" }
        let lines = String(cString: text).utf8.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
        return lines.joined(separator: "; ")
    }
}

/// A row of binary values.
struct PostgresRow: SQLRow {
    let result: PostgresResult
    let row: Int32

    func isNull(_ column: Int) -> Bool { PQgetisnull(result.pointer, row, Int32(column)) == 1 }

    private func octets(_ column: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: PQgetvalue(result.pointer, row, Int32(column)),
            count: Int(PQgetlength(result.pointer, row, Int32(column)))
        )
    }

    func integer(_ column: Int) -> Int64 {
        let bytes = octets(column)
        switch PQftype(result.pointer, Int32(column)) {
        case 20 where bytes.count == 8: return Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
        case 23 where bytes.count == 4: return Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
        case 21 where bytes.count == 2: return Int64(Int16(bigEndian: bytes.loadUnaligned(as: Int16.self)))
        case 16 where bytes.count == 1: return bytes[0] == 0 ? 0 : 1
        case 1700: return Self.whole(numeric: bytes)
        case 25, 1043: return Int64(String(decoding: bytes, as: UTF8.self)) ?? 0
        default: return 0
        }
    }

    func text(_ column: Int) -> String {
        guard !isNull(column) else { return "" }
        switch PQftype(result.pointer, Int32(column)) {
        case 16, 20, 21, 23, 1700: return String(integer(column))
        default: return String(decoding: octets(column), as: UTF8.self)
        }
    }

    func bytes(_ column: Int) -> [UInt8] { Array(octets(column)) }

    /// What `SUM` gives: base-10000 digits after a head of count, weight, sign and scale.
    ///
    /// Fractions are cut off.
    private static func whole(numeric bytes: UnsafeRawBufferPointer) -> Int64 {
        func word(_ index: Int) -> Int64 {
            index * 2 + 2 <= bytes.count
                ? Int64(Int16(bigEndian: bytes.loadUnaligned(fromByteOffset: index * 2, as: Int16.self))) : 0
        }
        let weight = word(1)
        guard weight >= 0, weight <= 4 else { return 0 }
        var value: Int64 = 0
        for place in 0...weight { value = value &* 10_000 &+ (place < word(0) ? word(4 + Int(place)) : 0) }
        return word(2) == 0x4000 ? -value : value
    }
}
