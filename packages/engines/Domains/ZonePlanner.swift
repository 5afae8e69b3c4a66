import MailModel
import MailPorts

/// Finds what is to be changed of a zone, so that it has the wanted records and everything else that it had.
///
/// Invariants: a record that was not written here is neither changed nor removed, unless its step was asked for by name; a set
/// that is touched is required to be as it was seen, octet by octet.
struct ZonePlanner {
    /// After a key of a certificate is published, its forerunner stays for as long as others may still keep it, twice.
    static let keptLifetimes: Int64 = 2
    /// Values of a step that are shown, and octets of each.
    static let shownValues = 10
    static let shownOctets = 512

    let wanted: [DomainRecord]
    /// What is wanted no more and has to stay for a while.
    let kept: [DomainRecord]
    let written: [WrittenRecord]
    let ttl: Int
    let now: Timestamp
    private let found: [ZoneSet: [ZoneRecord]]
    private let replacing: Set<String>
    private var plan: ZonePlan
    private var touched: [ZoneSet] = []
    private var unused: [String] = []

    /// - Parameters:
    ///   - found: what the zone's server says of `sets`.
    ///   - replacing: steps by their names, of which somebody else's records are replaced.
    init(
        zone: String,
        domain: String,
        wanted: [DomainRecord],
        kept: [DomainRecord],
        written: [WrittenRecord],
        found: [ZoneRecord],
        replacing: Set<String>,
        ttl: Int,
        now: Timestamp
    ) {
        self.wanted = wanted
        self.kept = kept
        self.written = written
        self.ttl = ttl
        self.now = now
        self.replacing = replacing
        var sets: [ZoneSet: [ZoneRecord]] = [:]
        for record in found where !sets[record.set, default: []].contains(record) {
            sets[record.set, default: []].append(record)
        }
        self.found = sets
        plan = ZonePlan(zone: zone, domain: domain)
    }

    /// What has to be asked of the zone: an alias stands alone, so its name is asked for more.
    static func sets(_ wanted: [DomainRecord], _ kept: [DomainRecord], _ written: [WrittenRecord]) -> [ZoneSet] {
        var sets: [ZoneSet] = []
        var seen: Set<ZoneSet> = []
        func add(_ set: ZoneSet) { if seen.insert(set).inserted { sets.append(set) } }
        for record in wanted + kept {
            add(ZoneSet(record.name, record.kind))
            if record.kind == .cname { for kind in besideAliases { add(ZoneSet(record.name, kind)) } }
        }
        for record in written { add(record.set) }
        return sets
    }

    private static let besideAliases: [DNSRecordKind] = [.a, .aaaa, .txt]

    consuming func made() -> ZonePlan {
        for record in wanted { take(record) }
        for record in written { takeAway(record) }
        require()
        return plan
    }

    // MARK: - Wanted

    private mutating func take(_ record: DomainRecord) {
        let set = ZoneSet(record.name, record.kind)
        let here = found[set] ?? []
        let verdict = RecordRules.compare(record, here.map(\.value))
        let isThere = here.contains { Self.isSame($0.value, as: record) }
        // The owner's own words do; ours are brought up to date.
        let rivals = Self.rivals(of: record, here).filter { verdict.status != .ok || isOurs($0) }
        let blocking = rivals + beside(set)
        guard !blocking.isEmpty || !(isThere || verdict.status == .ok) else {
            return note(.keep, record, verdict.found, isThere ? "It is there." : "The owner's own words do.")
        }
        let id = "\(record.purpose.rawValue)/\(record.name)"
        guard blocking.allSatisfy(isOurs) || replacing.contains(id) else {
            return note(.conflict, record, blocking.map(\.value), reason(verdict.advice, blocking, set))
        }
        if !isThere { plan.change.additions.append(ZoneRecord(set: set, ttl: ttl, value: record.value)) }
        for one in blocking { removeOnce(one) }
        touch(set, isAdding: !isThere)
        note(
            blocking.isEmpty ? .add : .replace,
            record,
            blocking.map(\.value),
            blocking.isEmpty ? "It is missing." : blocking.allSatisfy(isOurs) ? "It has changed." : "It was asked for."
        )
    }

    private func reason(_ advice: String, _ blocking: [ZoneRecord], _ set: ZoneSet) -> String {
        if let alias = blocking.first(where: { $0.set.kind == .cname && set.kind != .cname }) {
            return
                "\(set.name) is an alias of \(alias.value), beside which nothing can stand; it was not written here and stays."
        }
        if set.kind == .cname, let other = blocking.first(where: { $0.set.kind != .cname }) {
            return
                "\(set.name) has records of its own (\(other.set.kind.rawValue)), beside which no alias can stand; they stay."
        }
        return "\(advice) What is there was not written here and stays."
    }

    /// Records at the name that cannot stand beside the set: an alias, or anything beside one.
    private func beside(_ set: ZoneSet) -> [ZoneRecord] {
        guard set.kind == .cname else { return found[ZoneSet(set.name, .cname)] ?? [] }
        return Self.besideAliases.flatMap { found[ZoneSet(set.name, $0)] ?? [] }
    }

    /// Records of the set that say something else for the same purpose.
    private static func rivals(of record: DomainRecord, _ here: [ZoneRecord]) -> [ZoneRecord] {
        let others = here.filter { !isSame($0.value, as: record) }
        func version(_ text: String) -> [ZoneRecord] { others.filter { RecordRules.starts($0.value, text) } }
        return switch record.purpose {
        case .mx, .dkim, .service, .web: others
        case .spf: version("v=spf1")
        case .dmarc: version("v=DMARC1")
        case .tlsReports: version("v=TLSRPTv1")
        case .mtaSTS: version("v=STSv1")
        case .bimi: version("v=BIMI1")
        // Keys of other certificates, and anybody's texts, stand beside it.
        case .tlsa, .nextTLSA, .challenge: []
        }
    }

    private static func isSame(_ value: String, as record: DomainRecord) -> Bool {
        switch record.purpose {
        case .mx: RecordRules.host(value).utf8.elementsEqual(RecordRules.host(record.value).utf8)
        case .spf, .dmarc, .tlsReports, .mtaSTS, .bimi, .challenge, .dkim, .service, .web, .tlsa, .nextTLSA:
            isSame(value, record.value, record.kind)
        }
    }

    /// Texts octet by octet, everything else without case.
    private static func isSame(_ left: String, _ right: String, _ kind: DNSRecordKind) -> Bool {
        kind == .txt
            ? left.utf8.elementsEqual(right.utf8)
            : EmailAddress.lowercased(left).utf8.elementsEqual(EmailAddress.lowercased(right).utf8)
    }

    private func isOurs(_ record: ZoneRecord) -> Bool {
        written.contains { $0.set == record.set && Self.isSame($0.value, record.value, record.set.kind) }
    }

    // MARK: - Wanted no more

    private mutating func takeAway(_ record: WrittenRecord) {
        let isNeeded = (wanted + kept).contains {
            ZoneSet($0.name, $0.kind) == record.set && Self.isSame($0.value, record.value, record.set.kind)
        }
        let here = found[record.set]?.first { Self.isSame($0.value, record.value, record.set.kind) }
        guard let here else {
            plan.gone.append(ZoneRecord(set: record.set, ttl: 0, value: record.value))
            return
        }
        if !record.isConfirmed { plan.found.append(here) }
        guard !isNeeded, !plan.change.removals.contains(here) else { return }
        let purpose = record.set.kind == .tlsa ? "tlsa" : "old"
        if let moment = heldUntil(record), now < moment {
            plan.steps.append(
                ZonePlan.Step(
                    action: .keep,
                    name: record.set.name,
                    kind: record.set.kind,
                    purpose: purpose,
                    before: [DomainLife.shown(record.value, Self.shownOctets)],
                    after: record.value,
                    reason: "Others may know only this one still; it goes when the new one has been there for a while."
                )
            )
            return
        }
        removeOnce(here)
        touch(record.set, isAdding: false)
        plan.steps.append(
            ZonePlan.Step(
                action: .remove,
                name: record.set.name,
                kind: record.set.kind,
                purpose: purpose,
                before: [DomainLife.shown(record.value, Self.shownOctets)],
                after: nil,
                reason: "It was written here and is wanted no more."
            )
        )
    }

    /// The key of a certificate that is served no more stays until the new one has been seen everywhere.
    private func heldUntil(_ record: WrittenRecord) -> Timestamp? {
        guard record.set.kind == .tlsa else { return nil }
        let successors = wanted.filter { $0.name == record.set.name && $0.kind == .tlsa }
        guard !successors.isEmpty else { return nil }
        let moments = successors.map { one in
            written.first {
                $0.isConfirmed && $0.set == record.set && $0.value.utf8.elementsEqual(one.value.utf8)
            }?.at
                ?? (found[record.set]?.contains { Self.isSame($0.value, as: one) } == true
                    ? Timestamp(microseconds: 0) : now)
        }
        return moments.max()?.adding(seconds: Self.keptLifetimes * Int64(ttl))
    }

    // MARK: - The change

    private mutating func removeOnce(_ record: ZoneRecord) {
        guard !plan.change.removals.contains(record) else { return }
        plan.change.removals.append(record)
        touch(record.set, isAdding: false)
    }

    private mutating func touch(_ set: ZoneSet, isAdding: Bool) {
        if !touched.contains(set) { touched.append(set) }
        guard isAdding else { return }
        if set.kind == .cname {
            // Where nothing was seen there must be nothing, of the types that were not asked for too.
            if found[set] == nil, beside(set).isEmpty { unused.append(set.name) }
        } else {
            let alias = ZoneSet(set.name, .cname)
            if !touched.contains(alias), found[set] == nil { touched.append(alias) }
        }
    }

    /// Everything that is touched must be as it was seen.
    private mutating func require() {
        for set in touched where !unused.contains(set.name) {
            let here = found[set] ?? []
            plan.change.requirements.append(here.isEmpty ? .absent(set) : .exactly(set, here))
        }
        plan.change.requirements += unused.map { .unused($0) }
    }

    private mutating func note(
        _ action: ZonePlan.Action,
        _ record: DomainRecord,
        _ before: [String],
        _ reason: String
    ) {
        plan.steps.append(
            ZonePlan.Step(
                action: action,
                name: record.name,
                kind: record.kind,
                purpose: record.purpose.rawValue,
                before: before.prefix(Self.shownValues).map { DomainLife.shown($0, Self.shownOctets) },
                after: record.value,
                reason: reason
            )
        )
    }
}
