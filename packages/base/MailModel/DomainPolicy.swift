/// What a domain's managers rule for its mail; every member left out rules nothing.
///
/// Encodes to the JSON that managers read and write, in snake case.
package struct DomainPolicy: Hashable, Sendable, Codable {
    /// Limits of one message that the domain's people send, or that comes to them.
    package var maxMessageBytes: Int64?
    /// Recipients of one message that the domain's people send.
    package var maxRecipients: Int?
    package var sending: SendingLimits?
    package var recipients: RecipientRules?
    /// Senders whose mail to the domain is refused: patterns.
    package var blockedSenders: [String]?
    package var tls: TLSRules?
    package var attachments: AttachmentRules?
    package var footer: Footer?
    package var copies: [CopyRule]?
    package var retention: Retention?
    /// Whether people register on the domain; not when left out.
    package var registration: Registration?

    package init() {}

    /// Recipients that are sent to, by one account or by all of the domain.
    package struct SendingLimits: Hashable, Sendable, Codable {
        package var accountPerHour: Int?
        package var accountPerDay: Int?
        package var domainPerHour: Int?
        package var domainPerDay: Int?
        package init() {}
    }

    /// Whom the domain's people may write to.
    package struct RecipientRules: Hashable, Sendable, Codable {
        /// Only these, where there are any; patterns.
        package var allowed: [String]?
        /// Never these.
        package var blocked: [String]?
        package init() {}
    }

    package struct TLSRules: Hashable, Sendable, Codable {
        /// Domains of senders that must come encrypted; patterns.
        package var inbound: [String]?
        /// Domains that mail goes to encrypted or not at all; patterns.
        package var outbound: [String]?
        /// Whether those must also prove who they are.
        package var outboundVerified: Bool?
        package init() {}
    }

    package struct AttachmentRules: Hashable, Sendable, Codable {
        /// Names with `*` for any octets, without regard to case.
        package var names: [String]?
        /// Without the dot.
        package var extensions: [String]?
        /// `type/subtype` or `type/*`.
        package var types: [String]?
        /// Which mail is looked at; both when left out.
        package var direction: Direction?
        package init() {}
    }

    package struct Footer: Hashable, Sendable, Codable {
        package var text: String
        /// Made of the text when left out.
        package var html: String?
        package init(text: String, html: String? = nil) { (self.text, self.html) = (text, html) }
    }

    package struct CopyRule: Hashable, Sendable, Codable {
        /// An address of the same organisation.
        package var address: String
        package var direction: Direction
        package init(address: String, direction: Direction) { (self.address, self.direction) = (address, direction) }
    }

    /// Days after which mail in a folder of that use is expunged.
    package struct Retention: Hashable, Sendable, Codable {
        package var trashDays: Int?
        package var junkDays: Int?
        package init() {}
    }

    package enum Registration: String, Hashable, Sendable, Codable, CaseIterable {
        case closed
        /// A manager of the domain decides.
        case approval
        /// Whoever proves where they read mail today has an account.
        case open
    }

    package enum Direction: String, Hashable, Sendable, Codable, CaseIterable {
        case incoming, outgoing, both

        package func includes(_ other: Direction) -> Bool { self == .both || self == other }
    }
}

extension DomainPolicy {
    private enum CodingKeys: String, CodingKey {
        case maxMessageBytes = "max_message_bytes"
        case maxRecipients = "max_recipients"
        case sending, recipients, tls, attachments, footer, copies, retention, registration
        case blockedSenders = "blocked_senders"
    }
}

extension DomainPolicy.SendingLimits {
    private enum CodingKeys: String, CodingKey {
        case accountPerHour = "account_per_hour"
        case accountPerDay = "account_per_day"
        case domainPerHour = "domain_per_hour"
        case domainPerDay = "domain_per_day"
    }
}

extension DomainPolicy.TLSRules {
    private enum CodingKeys: String, CodingKey {
        case inbound, outbound
        case outboundVerified = "outbound_verified"
    }
}

extension DomainPolicy.Retention {
    private enum CodingKeys: String, CodingKey {
        case trashDays = "trash_days"
        case junkDays = "junk_days"
    }
}
