package import Accounts
package import Domains
package import HTTPKit
package import MailModel
package import MailPorts
import ServiceHost
import Telemetry

/// Certificates of the names that the platform serves.
///
/// Invariants: managers see the names below their organisation's domains, platform administrators all; a name that somebody may
/// not see does not exist for them.
package struct CertificateRoutes: Sendable {
    /// Live looks at one name in a minute.
    static let checksInMinute = 10
    /// Places of one name, such as its ports.
    private static let placesOfName = 20

    private let store: any CertificateStore
    private let watch: CertificateWatch
    private let limits: any RateLimiter
    private let tokens: TokenService
    private let clock: any WallClock

    package init(
        store: any CertificateStore,
        watch: CertificateWatch,
        limits: any RateLimiter,
        tokens: TokenService,
        clock: any WallClock
    ) {
        self.store = store
        self.watch = watch
        self.limits = limits
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: ManagerProblem.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        set.get("/api/certificates", guarded { try await self.list($0, $1) })
        set.get("/api/certificates/{host}", guarded { try await self.show($0, $1) })
        set.post("/api/certificates/{host}/check", guarded { try await self.check($0, $1) })
        Self.describe(&set)
        return set
    }

    // MARK: - Documents

    private struct Document: Encodable {
        var host: String
        /// Null: read from the file.
        var port: Int?
        var source: String
        var domain: String?
        var status: String
        var fault: String?
        var checkedAt: String?
        var notBefore: String?
        var notAfter: String?
        var subject: String?
        var issuer: String?
        var names: [String]
        var keySHA256: String?

        private enum CodingKeys: String, CodingKey {
            case host, port, source, domain, status, fault, checkedAt, notBefore, notAfter, subject, issuer, names
            case keySHA256 = "key_sha256"
        }

        init(_ watched: WatchedCertificate) {
            let isFile = watched.place.port == CertificatePlace.file
            let sight = watched.sight
            host = watched.place.host
            port = isFile ? nil : Int(watched.place.port)
            source = isFile ? "file" : "network"
            domain = watched.domain
            status = (sight?.status ?? .unknown).rawValue
            fault = sight.flatMap { $0.fault.isEmpty ? nil : $0.fault }
            checkedAt = sight.map { RFC3339.text($0.at) }
            notBefore = sight?.notBefore.map { RFC3339.text($0) }
            notAfter = sight?.notAfter.map { RFC3339.text($0) }
            let isSeen = sight?.notAfter != nil
            subject = isSeen ? sight?.subject : nil
            issuer = isSeen ? sight?.issuer : nil
            names = sight?.names ?? []
            keySHA256 = sight.flatMap { $0.keyHash.isEmpty ? nil : $0.keyHash }
        }
    }

    /// One name: the worst of its ports is its state.
    private struct Name: Encodable {
        var status: String
        var detail: String?
        var certificates: [Document]

        init(_ places: [WatchedCertificate]) {
            let summary = CertificateSummary(places)
            status = summary.status.rawValue
            detail = summary.detail.isEmpty ? nil : summary.detail
            certificates = places.map { Document($0) }
        }
    }

    private struct Page: Encodable {
        var certificates: [Document]
    }

    // MARK: - Answers

    private func list(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let rule = AccessRule(caller: caller)
        try rule.requireManager()
        let query = try request.list(
            CertificateListing.Sort.self,
            filters: ["status", "host", "domain", "text"]
        )
        var listing = CertificateListing(
            organisation: rule.visibleOrganisation,
            status: try query.choice("status"),
            host: query.filters["host"],
            limit: query.limit
        )
        (listing.domain, listing.text) = (query.name("domain"), query.filters["text"])
        let found = try await store.certificates(try query.applied(to: listing))
        return try request.answer("certificates", found, query) { Document($0) }
    }

    private func show(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try .json(Name(try await own(request, caller)))
    }

    private func check(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let places = try await own(request, caller)
        let now = clock.now()
        let decision = await limits.count(
            "certificate.check:\(places[0].place.host)",
            limit: Self.checksInMinute,
            windowSeconds: 60,
            now: now
        )
        if case .exceeded(let seconds) = decision {
            throw Problem(429, detail: "Check again later.", headers: ["Retry-After": "\(seconds)"])
        }
        return try .json(Name(try await watch.check(places, now: now)))
    }

    /// One at least.
    private func own(_ request: APIRequest, _ caller: Account) async throws -> [WatchedCertificate] {
        let rule = AccessRule(caller: caller)
        try rule.requireManager()
        let host = EmailAddress.lowercased(request.parameter("host"))
        guard EmailAddress.isDomain(host.utf8) else { throw Problem.notFound("No such name is watched.") }
        let found = try await store.certificates(
            CertificateListing(organisation: rule.visibleOrganisation, host: host, limit: Self.placesOfName)
        )
        guard !found.isEmpty else { throw Problem.notFound("No such name is watched.") }
        return found
    }

    // MARK: - Description

    private static let document = Schema.document(
        "Certificate",
        [
            "host": .text, "port": .optional(.integer), "source": .choice(["file", "network"]),
            "domain": .optional(.text), "status": .choice(CertificateStatus.allCases.map(\.rawValue)),
            "fault": .optional(.text), "checked_at": .optional(.time), "not_before": .optional(.time),
            "not_after": .optional(.time), "subject": .optional(.text), "issuer": .optional(.text),
            "names": .list(.text), "key_sha256": .optional(.text),
        ]
    )

    private static let name = Schema.document(
        "CertificatesOfName",
        [
            "status": .choice(CertificateStatus.allCases.map(\.rawValue)), "detail": .optional(.text),
            "certificates": .list(document),
        ]
    )

    private static func describe(_ set: inout RouteSet) {
        let page = [200: Schema.page("certificates", of: document)]
        let ofName = [200: name]
        let absent = [403: "The caller is a member", 404: "No such name is watched, or it is another organisation's"]
        set.describe(
            "GET",
            "/api/certificates",
            RouteDescription(
                "Certificates of the names that the platform serves for one's domains, or of all for an operator",
                query: ["limit", "after", "sort", "status", "host", "domain", "text"],
                answers: [200: "A page, by name and port", 403: "The caller is a member"],
                types: [
                    "status": .words(CertificateStatus.self), "sort": .sort(CertificateListing.Sort.self),
                    "domain": .text,
                ],
                schemas: page
            )
        )
        set.describe(
            "GET",
            "/api/certificates/{host}",
            RouteDescription(
                "What was seen of one name: the worst of its ports, and each port",
                answers: absent.merging([200: "What was seen"]) { first, _ in first },
                schemas: ofName
            )
        )
        set.describe(
            "POST",
            "/api/certificates/{host}/check",
            RouteDescription(
                "Looks at one name now",
                answers: absent.merging([200: "What is seen", 429: "Too many looks in a minute"]) { first, _ in first },
                schemas: ofName
            )
        )
    }
}
