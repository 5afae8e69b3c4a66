package import MailModel
package import MailPorts

/// Bans and exemptions that people make and end.
package struct BanService: Sendable {
    /// Who does it.
    package struct Actor: Sendable {
        package var name: String
        package var remote: IPAddress?
        package init(_ name: String, remote: IPAddress? = nil) { (self.name, self.remote) = (name, remote) }
    }

    package let store: any BanStore
    package let policy: BanPolicy

    package init(store: any BanStore, policy: BanPolicy) {
        self.store = store
        self.policy = policy
    }

    /// Puts a ban or an exemption in force at once; every process knows it within seconds.
    ///
    /// - Throws: `.refused` for what would refuse nobody, or nearly everybody.
    package func put(
        _ kind: Ban.Kind,
        of network: IPNetwork,
        reason: String,
        until: Timestamp?,
        by actor: Actor,
        now: Timestamp
    ) async throws(StoreError) -> Ban {
        let network = network.masked
        if let objection = Self.objection(toReason: reason) { throw .refused(objection) }
        if let until, until <= now { throw .refused("the end is not after now") }
        if let objection = objection(to: network, as: kind) { throw .refused(objection) }
        var detail = AuditDetail().adding("reason", reason)
        if let until { detail = detail.adding("until", until.seconds) }
        return try await store.putBan(
            ManualBan(
                network: network,
                kind: kind,
                reason: reason,
                at: now,
                until: until,
                madeBy: actor.name,
                limit: policy.manualLimit
            ),
            audit: AuditEvent(
                at: now,
                actor: actor.name,
                action: "\(kind.rawValue).add",
                subject: network.description,
                remote: actor.remote,
                detail: detail.text
            )
        )
    }

    /// What is wrong with a reason; nil for a line that is not too long.
    package static func objection(toReason reason: String) -> String? {
        guard (1...BanPolicy.longestReason).contains(reason.utf8.count),
            !reason.utf8.contains(where: { $0 < 32 || $0 == 127 })
        else { return "a reason is a line of at most \(BanPolicy.longestReason) octets" }
        return nil
    }

    /// Why the network cannot be banned; nil if it can.
    package func objection(to network: IPNetwork, as kind: Ban.Kind) -> String? {
        guard kind == .ban else { return nil }
        let network = network.masked
        let widest = network.isIPv4 ? BanPolicy.widestIPv4 : BanPolicy.widestIPv6
        guard network.prefixLength >= widest else {
            return "a network wider than /\(widest) has nearly everybody in it"
        }
        let exempt = policy.exempt.first {
            $0.prefixLength <= network.prefixLength && $0.contains(network.address)
        }
        return exempt.map { "the settings exempt \($0)" }
    }

    /// Ends one at once; the network begins anew.
    package func lift(_ id: BanID, by actor: Actor, now: Timestamp) async throws(StoreError) -> Ban {
        try await store.liftBan(id, now: now) { ban in
            AuditEvent(
                at: now,
                actor: actor.name,
                action: "\(ban.kind.rawValue).lift",
                subject: ban.network.description,
                remote: actor.remote,
                detail: AuditDetail().adding("reason", ban.reason).adding("made_by", ban.madeBy).text
            )
        }
    }
}
