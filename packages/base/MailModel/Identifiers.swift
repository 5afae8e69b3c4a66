/// A distinct integer identifier: `AccountID(7)` and `MailboxID(7)` are different types and never mix.
package protocol IntegerIdentifier: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible
where RawValue == Int64 {
    init(rawValue: Int64)
}

extension IntegerIdentifier {
    package init(_ rawValue: Int64) { self.init(rawValue: rawValue) }
    package var description: String { "\(rawValue)" }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A tenant: owns domains and accounts.
package struct OrganisationID: IntegerIdentifier {
    /// The one that the first start makes with its administrator.
    package static let platform = OrganisationID(rawValue: 1)

    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

package struct DomainID: IntegerIdentifier {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// One person's (or function's) mail store.
///
/// Every row that holds mail starts its key with it.
package struct AccountID: IntegerIdentifier {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }

    /// Owner of what the platform itself sends (bounces, reports).
    ///
    /// No mailbox belongs to it.
    package static let system = AccountID(rawValue: 0)
}

/// A mailbox within its account; never reused, survives RENAME.
package struct MailboxID: IntegerIdentifier {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// A stored message within its account, whichever mailboxes show it.
///
/// COPY and MOVE keep it.
package struct EmailID: IntegerIdentifier {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// A conversation within its account.
package struct ThreadID: IntegerIdentifier {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// The account's modification counter (RFC 7162 §3.1.1: a positive 63-bit integer); one counter for all its mailboxes.
package struct ModSeq: IntegerIdentifier {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// An IMAP unique identifier (RFC 9051 §2.3.1.1): strictly ascending in its mailbox, never reused, never zero.
package struct UID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }
    package init(_ rawValue: UInt32) { self.rawValue = rawValue }
    package var description: String { "\(rawValue)" }
    package static func < (left: UID, right: UID) -> Bool { left.rawValue < right.rawValue }
}

/// RFC 9051 §2.3.1.1: changes only when the UIDs of a mailbox of that name lose their meaning.
package struct UIDValidity: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }
    package init(_ rawValue: UInt32) { self.rawValue = rawValue }
}

/// Names one SMTP or submission transaction in logs, replies, Received headers, queue and trace.
///
/// 16 characters of lower-case base 32, ascending by time, unique in the cluster without coordination.
package struct QueueID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package var description: String { rawValue }
    package static func < (left: QueueID, right: QueueID) -> Bool { left.rawValue < right.rawValue }

    private static let alphabet: [UInt8] = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    /// - Parameters:
    ///   - time: becomes the leading 50 bits (microseconds).
    ///   - random: its low 30 bits tell apart what happens in one microsecond.
    package init(time: Timestamp, random: UInt32) {
        var value = UInt64(bitPattern: time.microseconds) & 0x3_FFFF_FFFF_FFFF
        var text = [UInt8](repeating: 0, count: 16)
        for index in stride(from: 9, through: 0, by: -1) {
            text[index] = Self.alphabet[Int(value & 31)]
            value >>= 5
        }
        var low = random
        for index in stride(from: 15, through: 10, by: -1) {
            text[index] = Self.alphabet[Int(low & 31)]
            low >>= 5
        }
        rawValue = String(decoding: text, as: UTF8.self)
    }
}

/// The SHA-256 of a blob's bytes; its address in the blob store.
package struct BlobHash: Hashable, Sendable, CustomStringConvertible {
    /// Always 32 bytes.
    package let bytes: [UInt8]

    package init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    /// 64 lower-case hexadecimal digits.
    package var description: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
