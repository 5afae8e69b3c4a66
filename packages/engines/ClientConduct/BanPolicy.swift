package import MailModel
package import MailPorts

/// When a network is banned, how long, and who never is.
package struct BanPolicy: Sendable {
    /// Off: nothing is counted, and no ban is in force, whoever made it.
    package var isOn = true
    /// Points within the window that ban a network.
    package var threshold = 100
    package var windowSeconds = 3_600
    package var growth = BanGrowth()
    /// Rows of the platform's own bans.
    package var limit = 10_000
    /// Bans and exemptions of people that are in force.
    package var manualLimit = 10_000
    /// The length of the network that is banned for what one address in it does.
    package var ipv4Prefix = 32
    package var ipv6Prefix = 64
    /// The length of the wider IPv6 network that is counted beside it, which one customer has; 128 or more: none.
    package var sitePrefix = 48
    /// How many times the threshold bans that.
    package var siteFactor = 8
    /// Networks that are never refused.
    package var exempt: [IPNetwork] = []
    package init() {}

    /// How long an account that signed in speaks for its network.
    package static let knownSeconds = 86_400
    /// Accounts that double the threshold; more do no more, so that whoever has some cannot wash a network clean.
    package static let knownAccounts = 10

    /// Widest networks that a person may ban: what is wider has nearly everybody in it.
    package static let widestIPv4 = 8
    package static let widestIPv6 = 16
    /// Octets of a reason.
    package static let longestReason = 200

    package static func points(of misconduct: Misconduct) -> Int {
        switch misconduct {
        case .failedSignIn: 5
        case .unknownRecipient: 2
        case .relayAttempt: 20
        case .protocolAbuse: 20
        case .earlyTalk: 10
        case .brokenTLS: 5
        }
    }

    /// A network that points are counted for, and how many times the threshold it bears.
    struct Place: Hashable, Sendable {
        var network: IPNetwork
        var factor: Int
    }

    /// The networks of a client, the one that is its own first.
    func places(of remote: IPAddress) -> [Place] {
        let length = remote.isIPv4 ? ipv4Prefix : ipv6Prefix
        let lengths = remote.isIPv4 || sitePrefix >= length ? [(length, 1)] : [(length, 1), (sitePrefix, siteFactor)]
        return lengths.compactMap { length, factor in
            IPNetwork(of: remote, prefixLength: length).map { Place(network: $0, factor: factor) }
        }
    }

    /// Points that so many known accounts let their network have beyond the threshold.
    func credit(of accounts: Int) -> Int { threshold * min(max(0, accounts), Self.knownAccounts) / Self.knownAccounts }

    /// What the whole sum of points is compared with.
    func bound(of place: Place, knownAccounts accounts: Int) -> Int {
        threshold * place.factor + credit(of: accounts)
    }

    /// Unknown recipients count as far as there are more of them than recipients that took mail.
    static func harvestPoints(unknown: Int, accepted: Int) -> Int {
        points(of: .unknownRecipient) * max(0, unknown - accepted)
    }
}
