/// A level of the quota tree.
package enum QuotaLevel: String, Sendable, CaseIterable { case organisation, domain, account }

/// How much mail one level may hold; nil where there is no limit.
package struct QuotaLimits: Hashable, Sendable {
    /// The largest limit that can be set: 2^53 - 1, what every JSON reader takes exactly.
    package static let maximum: Int64 = (1 << 53) - 1

    /// Octets that are never passed.
    package var hardBytes: Int64?
    /// Octets that may be passed; who is responsible is told.
    package var softBytes: Int64?
    package var hardMessages: Int64?
    package var softMessages: Int64?

    package init(
        hardBytes: Int64? = nil,
        softBytes: Int64? = nil,
        hardMessages: Int64? = nil,
        softMessages: Int64? = nil
    ) {
        self.hardBytes = hardBytes
        self.softBytes = softBytes
        self.hardMessages = hardMessages
        self.softMessages = softMessages
    }

    package static let none = QuotaLimits()

    /// Why the limits cannot be set, and which of them; nil when they can.
    package var fault: (member: String, why: String)? {
        for (member, limit) in [
            ("hard_bytes", hardBytes), ("soft_bytes", softBytes), ("hard_messages", hardMessages),
            ("soft_messages", softMessages),
        ] {
            if let limit, !(0...Self.maximum).contains(limit) { return (member, "A limit is 0 to \(Self.maximum).") }
        }
        if let softBytes, let hardBytes, softBytes > hardBytes {
            return ("soft_bytes", "A soft limit is not above the hard one.")
        }
        if let softMessages, let hardMessages, softMessages > hardMessages {
            return ("soft_messages", "A soft limit is not above the hard one.")
        }
        return nil
    }

    /// The steps that a use has reached.
    ///
    /// - Parameter slack: hundredths of the limit by which a step counts as reached below itself: what was told once is
    ///   told again only after use has fallen further than that.
    package func reached(bytes: Int64, messages: Int64, slack: Int64 = 0) -> QuotaSteps {
        Self.reached(bytes, hard: hardBytes, soft: softBytes, slack)
            .union(Self.reached(messages, hard: hardMessages, soft: softMessages, slack))
    }

    private static func reached(_ used: Int64, hard: Int64?, soft: Int64?, _ slack: Int64) -> QuotaSteps {
        guard let base = hard ?? soft, base > 0 else { return [] }
        var steps: QuotaSteps = []
        for (step, percent) in QuotaSteps.percentages where isReached(used, base, percent - slack) {
            steps.insert(step)
        }
        if hard != nil, let soft, soft > 0, isReached(used, soft, 100 - slack) { steps.insert(.soft) }
        return steps
    }

    /// Of limits up to 2^53 and uses up to 2^56 octets, a hundredfold has room.
    private static func isReached(_ used: Int64, _ base: Int64, _ percent: Int64) -> Bool {
        min(used, 1 << 56) * 100 >= base * percent
    }
}

/// What is told once each on the way to a limit.
package struct QuotaSteps: OptionSet, Hashable, Sendable {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    package static let eighty = QuotaSteps(rawValue: 1)
    package static let ninety = QuotaSteps(rawValue: 2)
    package static let ninetyFive = QuotaSteps(rawValue: 4)
    /// The soft limit below a hard one is passed.
    package static let soft = QuotaSteps(rawValue: 8)

    /// Hundredths of the hard limit, or of the soft one where it stands alone.
    package static let percentages: [(step: QuotaSteps, percent: Int64)] = [
        (.eighty, 80), (.ninety, 90), (.ninetyFive, 95),
    ]

    /// Hundredths by which use must fall below a step before it is told again.
    package static let slack: Int64 = 5

    /// The highest percentage among the steps; nil for the soft limit alone.
    package var percent: Int64? { Self.percentages.last { contains($0.step) }?.percent }

    /// In metrics and the audit: `80`, `90`, `95`, `soft`.
    package var names: [String] {
        Self.percentages.filter { contains($0.step) }.map { "\($0.percent)" } + (contains(.soft) ? ["soft"] : [])
    }
}
