package import MailModel
package import MailPorts
import Synchronization

/// Servers by address; there is nothing at others.
package final class FakeProbe: CertificateProbing {
    private let servers = Mutex<[String: [[UInt8]]]>([:])
    private let seen = Mutex<[String]>([])
    /// Places that offer no TLS.
    private let clear = Mutex<Set<String>>([])
    private let begun = Mutex<[UInt16: TLSStart]>([:])
    package init() {}

    package func serve(_ chain: [[UInt8]], at address: String, port: UInt16) {
        servers.withLock { $0["\(address) \(port)"] = chain }
    }
    /// A server without STARTTLS.
    package func serveInClear(at address: String, port: UInt16) {
        _ = clear.withLock { $0.insert("\(address) \(port)") }
    }
    /// How TLS was asked for, by port.
    package var starts: [UInt16: TLSStart] { begun.withLock { $0 } }
    /// Names that were asked for, in order.
    package var asked: [String] { seen.withLock { $0 } }

    package func chain(
        of name: String,
        at address: IPAddress,
        port: UInt16,
        start: TLSStart
    ) async throws(CertificateProbeFault) -> [[UInt8]] {
        seen.withLock { $0.append(name) }
        begun.withLock { $0[port] = start }
        if clear.withLock({ $0.contains("\(address) \(port)") }) {
            throw CertificateProbeFault("the server offers no STARTTLS", kind: .noSTARTTLS)
        }
        guard let chain = servers.withLock({ $0["\(address) \(port)"] }) else {
            throw CertificateProbeFault("no connection to \(address) port \(port)")
        }
        return chain
    }
}

/// Watched certificates in memory; domains join by `host`.
package final class FakeCertificates: CertificateStore {
    private struct Row {
        var watched: WatchedCertificate
        var next = Timestamp(seconds: 0)
        var told: (step: CertificateStep, end: Timestamp)?
    }

    private struct State {
        var rows: [CertificatePlace: Row] = [:]
        var domains: [(name: String, organisation: OrganisationID)] = []
        var letters: [DeliveryPlan] = []
        var audit: [AuditEvent] = []
        var isFull = false
    }

    private let state = Mutex(State())
    package init() {}

    /// Hosts a domain, as far as certificates go.
    package func host(_ name: String, organisation: OrganisationID) {
        state.withLock { $0.domains.append((name, organisation)) }
    }
    package func unhost(_ name: String) { state.withLock { $0.domains.removeAll { $0.name == name } } }
    /// No mailbox takes a letter.
    package func fill() { state.withLock { $0.isFull = true } }
    package var letters: [DeliveryPlan] { state.withLock { $0.letters } }
    package var audit: [AuditEvent] { state.withLock { $0.audit } }

    package func arrangeCertificates(_ arrangement: CertificateArrangement) async throws(StoreError) {
        state.withLock { state in
            var wanted = arrangement.places.map { WatchedCertificate(place: $0) }
            for (name, organisation) in state.domains {
                wanted += arrangement.labels.map { label in
                    WatchedCertificate(
                        place: CertificatePlace(host: "\(label).\(name)", port: arrangement.port),
                        domain: name,
                        organisation: organisation
                    )
                }
            }
            var rows: [CertificatePlace: Row] = [:]
            for one in wanted where rows[one.place] == nil {
                rows[one.place] = state.rows[one.place] ?? Row(watched: one)
            }
            state.rows = rows
        }
    }

    private func rows(_ state: State) -> [Row] {
        state.rows.values.sorted { left, right in
            let (one, other) = (left.watched.place, right.watched.place)
            return (one.host, one.port) < (other.host, other.port)
        }
    }

    package func certificatesToCheck(now: Timestamp, limit: Int) async throws(StoreError) -> [WatchedCertificate] {
        state.withLock { state in
            Array(rows(state).filter { $0.next <= now }.sorted { $0.next < $1.next }.map(\.watched).prefix(limit))
        }
    }

    package func noteCertificate(
        _ sight: CertificateSight,
        at place: CertificatePlace,
        next: Timestamp
    ) async throws(StoreError) {
        let isThere = state.withLock { state in
            guard var row = state.rows[place] else { return false }
            row.next = next
            if sight.notAfter == nil, sight.status == .unreachable, var before = row.watched.sight {
                (before.at, before.status, before.fault) = (sight.at, sight.status, sight.fault)
                row.watched.sight = before
            } else {
                row.watched.sight = sight
            }
            state.rows[place] = row
            return true
        }
        guard isThere else { throw .notFound }
    }

    package func certificates(_ listing: CertificateListing) async throws(StoreError) -> [WatchedCertificate] {
        state.withLock { state in
            let found = rows(state).map(\.watched).filter { one in
                (listing.organisation == nil || one.organisation == listing.organisation)
                    && (listing.status == nil || (one.sight?.status ?? .unknown) == listing.status)
                    && (listing.host == nil || one.place.host == listing.host)
            }
            return listing.page(of: found)
        }
    }

    package func certificatesByEnd(limit: Int) async throws(StoreError) -> [WatchedCertificate] {
        state.withLock { state in
            let seen = rows(state).map(\.watched).filter { $0.sight?.notAfter != nil }
            return Array(seen.sorted { Self.end($0) < Self.end($1) }.prefix(limit))
        }
    }

    package func certificateCounts() async throws(StoreError) -> [CertificateStatus: Int] {
        state.withLock { state in
            rows(state).reduce(into: [:]) { $0[$1.watched.sight?.status ?? .unknown, default: 0] += 1 }
        }
    }

    package func certificateNews(now: Timestamp, limit: Int) async throws(StoreError) -> [WatchedCertificate] {
        state.withLock { state in
            let news = rows(state).filter { Self.isNews($0, now) }.map(\.watched)
            let ordered = news.sorted { ($0.organisation?.rawValue ?? 0) < ($1.organisation?.rawValue ?? 0) }
            return Array(ordered.prefix(limit))
        }
    }

    package func tellCertificates(
        _ news: [WatchedCertificate],
        by mail: DeliveryPlan?,
        audit: [AuditEvent],
        now: Timestamp
    ) async throws(StoreError) -> Bool {
        let isFull = state.withLock { $0.isFull }
        if mail != nil, isFull { throw .overQuota }
        return state.withLock { state in
            for one in news {
                guard let row = state.rows[one.place], Self.isNews(row, now), let end = row.watched.sight?.notAfter,
                    let step = CertificateStep(end: end, now: now)
                else { return false }
                state.rows[one.place]?.told = (step, end)
            }
            if let mail { state.letters.append(mail) }
            state.audit += audit
            return true
        }
    }

    private static func end(_ watched: WatchedCertificate) -> Timestamp {
        watched.sight?.notAfter ?? Timestamp(seconds: 0)
    }

    private static func isNews(_ row: Row, _ now: Timestamp) -> Bool {
        guard let end = row.watched.sight?.notAfter, let step = CertificateStep(end: end, now: now) else {
            return false
        }
        guard let told = row.told, told.end == end else { return true }
        return told.step.rawValue > step.rawValue
    }
}
