import ByteParsing
package import MailModel
package import MailPorts

/// The name that a reader has for a mailbox of another account (RFC 2342): `Other Users/ann@shop.test/INBOX`, or
/// `Shared/support@shop.test/INBOX` at an account without sign-in.
///
/// Names below the prefixes whose next level is no address are the reader's own, as every other name.
package struct SharedName: Hashable, Sendable {
    package enum Namespace: String, CaseIterable, Sendable {
        case otherUsers = "Other Users"
        case shared = "Shared"

        /// With its separator, as NAMESPACE tells it.
        package var prefix: String { rawValue + "/" }
    }

    package var namespace: Namespace
    package var owner: EmailAddress
    /// The mailbox's name at its owner; nil for the level above all of its mailboxes.
    package var mailbox: String?

    /// nil: the name is one of the reader's own.
    package init?(_ name: String) {
        guard let namespace = Namespace.allCases.first(where: { name.utf8.starts(with: $0.prefix.utf8) }) else {
            return nil
        }
        let rest = name.utf8.dropFirst(namespace.prefix.utf8.count)
        let level = rest.prefix { $0 != ASCII.slash }
        guard let written = Self.decoded(level), let owner = EmailAddress(written) else { return nil }
        let below = rest.dropFirst(level.count + 1)
        self.namespace = namespace
        self.owner = owner
        mailbox = below.isEmpty ? nil : String(decoding: below, as: UTF8.self)
    }

    package init(_ shared: SharedMailbox) {
        namespace = shared.isTeam ? .shared : .otherUsers
        owner = shared.ownerAddress
        mailbox = shared.record.name
    }

    package init(_ namespace: Namespace, _ owner: EmailAddress, _ mailbox: String?) {
        (self.namespace, self.owner, self.mailbox) = (namespace, owner, mailbox)
    }

    package var text: String {
        namespace.prefix + Self.encoded(owner) + (mailbox.map { "/" + $0 } ?? "")
    }

    // MARK: - The level of the owner

    /// Octets of an address that would not stand in a level, or not in a name at all.
    private static func isSpecial(_ byte: UInt8) -> Bool {
        byte == ASCII.slash || byte == ASCII.percent || byte == ASCII.star || byte == ASCII.equal
            || byte.isASCIIControl
    }

    /// `=2F` for a separator in a local part, and so on.
    private static func encoded(_ owner: EmailAddress) -> String {
        let bytes = Array(owner.description.utf8)
        guard bytes.contains(where: isSpecial) else { return owner.description }
        let digits = Array("0123456789ABCDEF".utf8)
        return String(
            decoding: bytes.flatMap {
                isSpecial($0) ? [ASCII.equal, digits[Int($0 >> 4)], digits[Int($0 & 15)]] : [$0]
            },
            as: UTF8.self
        )
    }

    private static func decoded(_ level: some Collection<UInt8>) -> String? {
        let bytes = Array(level)
        var output: [UInt8] = []
        var place = 0
        while place < bytes.count {
            guard bytes[place] == ASCII.equal else {
                output.append(bytes[place])
                place += 1
                continue
            }
            guard place + 2 < bytes.count, let high = digit(bytes[place + 1]), let low = digit(bytes[place + 2]) else {
                return nil
            }
            output.append(high << 4 | low)
            place += 3
        }
        return String(validating: output, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        default: nil
        }
    }

    /// Whether a LIST pattern may match a name of another account: only then the store is asked for those.
    package static func mayMatch(_ pattern: String) -> Bool {
        let head = pattern.utf8.prefix { $0 != ASCII.percent && $0 != ASCII.star }
        let isOpen = head.count < pattern.utf8.count
        return Namespace.allCases.contains { namespace in
            let name = namespace.rawValue.utf8
            if head.count >= name.count { return head.starts(with: name) }
            return isOpen && name.starts(with: head)
        }
    }
}
