package import Logging
import MailCrypto
package import MailModel
package import MailPorts
import Metrics
import Synchronization

/// Counts what clients do over all protocols together, and bans the networks that have too many points.
///
/// Invariants
/// - Taking note never waits: notes lie in queues of a bounded length, and what does not fit is dropped and counted.
/// - No secret is kept: of an attempt two octets of a keyed hash tell whether it was made before, too few to try passwords by.
/// - While what processes share is away, nobody is banned who would not be with it: counters of one process have no more than all
///   together, and are compared with the highest bound there is.
package final class ConductLedger: ConductNoting {
    /// A note without what is secret in it.
    private enum Entry: Sendable {
        /// With a token only the first of its kind counts.
        case misconduct(Misconduct, token: String?)
        case known(token: String)
        case accepted(tokens: [String])
    }

    private struct Note: Sendable {
        var remote: IPAddress
        var entry: Entry
    }

    private struct Memory {
        /// Networks with unknown recipients, whose accepted ones are worth counting.
        var harvesting = ExpiringSet<IPNetwork>(capacity: 20_000)
        /// Accounts that were noted for a network a while ago.
        var known = ExpiringSet<String>(capacity: 50_000)
        var complainedAt: Int64?
    }

    /// Queues, by the client's network.
    private static let laneCount = 4
    /// Notes that wait in each.
    package static let laneLength = 1_024
    /// Octets of an account or a secret that tell it from others.
    private static let longestPart = 4_096
    /// Recipients of one message that are noted.
    private static let mostAccepted = 50

    package let table: BanTable
    let store: any BanStore
    private let limiter: any RateLimiter
    private let key: [UInt8]
    let clock: any WallClock
    let logger: Logger
    private let memory = Mutex(Memory())
    private let lanes: [(notes: AsyncStream<Note>, add: AsyncStream<Note>.Continuation)]
    private let made = Counter(label: "oonrumail_bans_made_total")
    private let notMade = Counter(label: "oonrumail_bans_not_made_total")
    private let dropped = Counter(label: "oonrumail_bans_notes_dropped_total")
    var policy: BanPolicy { table.policy }

    /// - Parameter key: the same in every process.
    package init(
        table: BanTable,
        store: any BanStore,
        limiter: any RateLimiter,
        key: [UInt8],
        clock: any WallClock,
        logger: Logger = Logger(label: "bans")
    ) {
        self.table = table
        self.store = store
        self.limiter = limiter
        self.key = key
        self.clock = clock
        self.logger = logger
        lanes = (0..<Self.laneCount).map { _ in
            let made = AsyncStream.makeStream(of: Note.self, bufferingPolicy: .bufferingOldest(Self.laneLength))
            return (made.stream, made.continuation)
        }
    }

    // MARK: - Taking note

    package func note(_ conduct: Conduct, of remote: IPAddress) {
        guard policy.isOn, !table.exempts(remote), table.ban(of: remote) == nil,
            let place = policy.places(of: remote).first, let entry = entry(conduct, place.network)
        else { return }
        let lane = lanes[abs(place.network.hashValue % Self.laneCount)]
        if case .dropped = lane.add.yield(Note(remote: remote, entry: entry)) { dropped.increment() }
    }

    /// nil for what need not be counted.
    private func entry(_ conduct: Conduct, _ network: IPNetwork) -> Entry? {
        let now = clock.now()
        switch conduct {
        case .failedSignIn(let account, let secret):
            return .misconduct(.failedSignIn, token: token([account, secret], octets: 2))
        case .unknownRecipient(let address):
            let end = now.adding(seconds: Int64(policy.windowSeconds))
            _ = memory.withLock { $0.harvesting.insert(network, until: end, now: now) }
            return .misconduct(.unknownRecipient, token: token([address.canonical], octets: 6))
        case .relayAttempt(let domain): return .misconduct(.relayAttempt, token: token([domain], octets: 6))
        case .protocolAbuse: return .misconduct(.protocolAbuse, token: nil)
        case .earlyTalk: return .misconduct(.earlyTalk, token: nil)
        case .brokenTLS: return .misconduct(.brokenTLS, token: nil)
        case .signedIn(let account):
            let token = token(["account \(account)"], octets: 6)
            let end = now.adding(seconds: Int64(BanPolicy.knownSeconds / 4))
            let isNew = memory.withLock { $0.known.insert("\(network) \(token)", until: end, now: now) }
            return isNew ? .known(token: token) : nil
        case .acceptedRecipients(let addresses):
            guard memory.withLock({ $0.harvesting.contains(network, at: now) }) else { return nil }
            return .accepted(tokens: addresses.prefix(Self.mostAccepted).map { token([$0.canonical], octets: 6) })
        }
    }

    private func token(_ parts: [String], octets: Int) -> String {
        let text = parts.flatMap { Array("\($0.utf8.count):".utf8) + Array($0.utf8.prefix(Self.longestPart)) }
        let digits = Array("0123456789abcdef".utf8)
        let hash = HMACSHA256.authenticate(text, key: key).prefix(octets)
        return String(decoding: hash.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    // MARK: - Counting

    /// Counts what was noted until the task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for lane in lanes {
                group.addTask { for await note in lane.notes { await self.count(note) } }
            }
        }
    }

    /// Counts what waits now, and returns.
    package func settle() async {
        for lane in lanes { lane.add.finish() }
        await run()
    }

    private func count(_ note: Note) async {
        let now = clock.now()
        for place in policy.places(of: note.remote) {
            switch note.entry {
            case .misconduct(let kind, let token):
                guard table.ban(of: note.remote) == nil else { return }
                if let token {
                    guard await isFirst(place, "\(kind.rawValue).\(token)", policy.windowSeconds, now) else { continue }
                }
                await judge(kind, place, now)
            case .known(let token):
                guard await isFirst(place, "known.\(token)", BanPolicy.knownSeconds, now) else { continue }
                _ = await tally(place, Self.known, 1, now)
            case .accepted(let tokens):
                for token in tokens where await isFirst(place, "accepted.\(token)", policy.windowSeconds, now) {
                    _ = await tally(place, Self.accepted, 1, now)
                }
            }
        }
    }

    private static let (points, known, accepted) = ("points", "known", "accepted")

    private func name(_ place: BanPolicy.Place, _ counter: String) -> String { "ban:\(place.network):\(counter)" }

    private func isFirst(_ place: BanPolicy.Place, _ what: String, _ seconds: Int, _ now: Timestamp) async -> Bool {
        await limiter.count(name(place, what), limit: 1, windowSeconds: seconds, now: now) == .allowed
    }

    private func tally(_ place: BanPolicy.Place, _ counter: String, _ events: Int, _ now: Timestamp) async -> RateTally
    {
        await limiter.tally(
            name(place, counter),
            adding: events,
            windowSeconds: counter == Self.known ? BanPolicy.knownSeconds : policy.windowSeconds,
            now: now
        )
    }

    /// Counts one, and bans when it was one too many.
    private func judge(_ kind: Misconduct, _ place: BanPolicy.Place, _ now: Timestamp) async {
        let isHarvest = kind == .unknownRecipient
        let own = await tally(place, kind.rawValue, 1, now)
        let points = await tally(place, Self.points, isHarvest ? 0 : BanPolicy.points(of: kind), now)
        let unknown = isHarvest ? own : await tally(place, Misconduct.unknownRecipient.rawValue, 0, now)
        let accepted = unknown.events == 0 ? unknown : await tally(place, Self.accepted, 0, now)
        // Of one process's counters: what speaks for the client may be elsewhere.
        let isShared = [own, points, unknown, accepted].allSatisfy(\.isShared)
        let harvest =
            isShared ? BanPolicy.harvestPoints(unknown: unknown.events, accepted: accepted.events) : 0
        let sum = points.events + harvest
        guard sum >= policy.bound(of: place, knownAccounts: 0) else { return }
        let known = await tally(place, Self.known, 0, now)
        let accounts = isShared && known.isShared ? known.events : BanPolicy.knownAccounts
        guard sum >= policy.bound(of: place, knownAccounts: accounts) else { return }
        await ban(place, now)
    }

    private func ban(_ place: BanPolicy.Place, _ now: Timestamp) async {
        var reasons: [String] = []
        for kind in Misconduct.allCases {
            let count = await tally(place, kind.rawValue, 0, now).events
            if count > 0 { reasons.append("\(kind.rawValue) \(count)") }
        }
        let order = AutomaticBan(
            network: place.network,
            reason: reasons.joined(separator: ", "),
            at: now,
            growth: policy.growth,
            limit: policy.limit
        )
        do throws(StoreError) {
            switch try await store.ban(order, audit: Self.event) {
            case .made(let ban):
                made.increment()
                logger.notice(
                    "network banned",
                    metadata: [
                        "network": "\(ban.network)", "reason": "\(ban.reason)", "times": "\(ban.times)",
                        "until": "\(ban.until?.seconds ?? 0)",
                    ]
                )
                table.take(ban)
                await forget(place)
            case .unnecessary: ()
            case .full: complain("not banned: there are as many bans as may be", place, now)
            }
        } catch {
            complain("not banned: \(error)", place, now)
        }
    }

    /// A line a minute at most.
    private func complain(_ what: String, _ place: BanPolicy.Place, _ now: Timestamp) {
        notMade.increment()
        let isDue = memory.withLock { memory in
            guard memory.complainedAt.map({ now.seconds - $0 >= 60 }) ?? true else { return false }
            memory.complainedAt = now.seconds
            return true
        }
        if isDue { logger.warning("\(what)", metadata: ["network": "\(place.network)"]) }
    }

    private static func event(_ ban: Ban) -> AuditEvent {
        var detail = AuditDetail().adding("reason", ban.reason).adding("times", Int64(ban.times))
        if let until = ban.until { detail = detail.adding("until", until.seconds) }
        return AuditEvent(
            at: ban.since,
            actor: Ban.platform,
            action: "ban.add",
            subject: ban.network.description,
            detail: detail.text
        )
    }

    /// Points of a ban's own network begin anew with it.
    func forget(_ place: BanPolicy.Place) async {
        for counter in [Self.points] + Misconduct.allCases.map(\.rawValue) { await limiter.clear(name(place, counter)) }
    }
}
