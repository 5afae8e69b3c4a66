package import Accounts
package import HTTPKit
package import MailModel
import MailPolicy
package import MailPorts
import ServiceHost

/// Branding of domains: written by managers of its organisation, read by anybody.
///
/// A sign-in page must look right before anybody has signed in, so reading needs no token. It answers alike for domains
/// without branding and for names that are no domains here: nobody learns by it what is hosted.
package struct BrandingRoutes: Sendable {
    static let path = "/api/domains/{name}/branding"
    static let logoPath = "/api/domains/{name}/branding/logo"
    /// Parents of a host name that are asked: `webmail.mail.shop.test` finds `shop.test`.
    static let parents = 3
    /// Front ends and caches may keep what they read for that long.
    static let cacheSeconds = 60

    private let branding: any BrandingStore
    private let gate: DomainGate
    private let tokens: TokenService
    private let clock: any WallClock

    package init(
        branding: any BrandingStore,
        gate: DomainGate,
        tokens: TokenService,
        clock: any WallClock
    ) {
        self.branding = branding
        self.gate = gate
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: ManagerProblem.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        set.get(Self.path) { try await self.show($0) }
        set.put(Self.path, guarded { try await self.replace($0, $1) })
        set.get(Self.logoPath) { try await self.showLogo($0) }
        set.put(Self.logoPath, guarded { try await self.replaceLogo($0, $1) })
        set.delete(Self.logoPath, guarded { try await self.removeLogo($0, $1) })
        describe(&set)
        return set
    }

    private func describe(_ set: inout RouteSet) {
        let shown = [200: "The branding; empty where there is none"]
        let schemas = [
            200: Schema.document(
                "Branding",
                [
                    "domain": .optional(.text), "version": .integer, "product_name": .optional(.text),
                    "colours": .optional(.map(.text)), "header_html": .optional(.text), "footer_html": .optional(.text),
                    "logo": .optional(.text),
                ]
            )
        ]
        set.describe(
            "GET",
            Self.path,
            RouteDescription(
                "How front ends look for a domain, or for a host below it",
                isOpen: true,
                answers: shown,
                schemas: schemas
            )
        )
        set.describe(
            "PUT",
            Self.path,
            RouteDescription(
                "Replaces a domain's branding but its logo",
                body: Body.members,
                answers: shown,
                types: ["colours": .nullable(.map(.text))],
                schemas: schemas
            )
        )
        set.describe("GET", Self.logoPath, RouteDescription("The logo", isOpen: true, answers: [200: "The picture"]))
        set.describe(
            "PUT",
            Self.logoPath,
            RouteDescription("Replaces the logo: PNG or JPEG", answers: shown, schemas: schemas)
        )
        set.describe("DELETE", Self.logoPath, RouteDescription("Takes the logo away", answers: [204: "Gone"]))
    }

    // MARK: - Reading

    private struct Document: Encodable {
        var domain: String?
        var version: Int64
        var productName: String?
        var colours: DomainBranding.Colours?
        var headerHtml: String?
        var footerHtml: String?
        /// A path; null without a logo.
        var logo: String?

        init(_ domain: String?, _ record: BrandingRecord?) {
            self.domain = domain
            version = record?.version ?? 0
            productName = record?.branding.productName
            colours = record?.branding.colours
            headerHtml = record?.branding.headerHTML
            footerHtml = record?.branding.footerHTML
            guard let domain, let record, record.logoType != nil else { return }
            // Another address with each change, so that caches may keep it.
            logo = "/api/domains/\(domain)/branding/logo?v=\(record.version)"
        }
    }

    private func show(_ request: APIRequest) async throws -> APIResponse {
        let (name, record) = try await found(request)
        var answer = try APIResponse.json(Document(record == nil ? nil : name, record))
        answer.headers["Cache-Control"] = "public, max-age=\(Self.cacheSeconds)"
        return answer
    }

    /// Of the name itself or of the nearest parent that has one.
    private func found(_ request: APIRequest) async throws -> (String, BrandingRecord?) {
        let name = EmailAddress.lowercased(request.parameter("name"))
        guard EmailAddress.isDomain(name.utf8) else { throw Problem.notFound() }
        var labels = name.utf8.split(separator: 46)[...]
        for _ in 0...Self.parents {
            guard labels.count >= 2 else { break }
            let candidate = labels.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ".")
            if let record = try await branding.branding(ofDomain: candidate) { return (candidate, record) }
            labels = labels.dropFirst()
        }
        return (name, nil)
    }

    private func showLogo(_ request: APIRequest) async throws -> APIResponse {
        let name = EmailAddress.lowercased(request.parameter("name"))
        guard EmailAddress.isDomain(name.utf8), let logo = try await branding.logo(ofDomain: name) else {
            throw Problem.notFound()
        }
        return APIResponse(
            status: 200,
            contentType: logo.type,
            body: logo.bytes,
            headers: ["Cache-Control": "public, max-age=\(Self.cacheSeconds)"]
        )
    }

    // MARK: - Writing

    private struct Body: RequestDocument {
        static let members: Set<String> = ["product_name", "colours", "header_html", "footer_html"]
        private static let colourNames: Set<String> = ["primary", "accent", "background", "text"]
        let branding: DomainBranding

        private enum CodingKeys: String, CodingKey { case colours }

        init(from decoder: any Decoder) throws {
            branding = try DomainBranding(from: decoder)
            let colours = try decoder.container(keyedBy: CodingKeys.self)
                .decodeIfPresent([String: String?].self, forKey: .colours)
            if let odd = colours?.keys.first(where: { !Self.colourNames.contains($0) }) {
                let context = DecodingError.Context(codingPath: [CodingKeys.colours], debugDescription: odd)
                throw DecodingError.dataCorrupted(context)
            }
        }
    }

    private func replace(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let new = try await request.decode(Body.self).branding
        let domain = try await domain(request, caller)
        let faults = new.faults
        guard faults.isEmpty else {
            throw Problem(
                422,
                detail: "Members of the branding are not acceptable.",
                fields: faults.map { Problem.Field(pointer: "#/\($0.pointer)", detail: $0.why) }
            )
        }
        let audit = AuditEvent("domain.branding", domain.name, by: caller, request, at: clock.now())
        let record = try await put(new.sanitized, domain.name, replacing: try request.expectedVersion(), audit)
        return try .json(Document(domain.name, record)).tagged(version: record.version)
    }

    private func put(
        _ new: DomainBranding,
        _ domain: String,
        replacing expected: Int64?,
        _ audit: AuditEvent
    ) async throws -> BrandingRecord {
        do {
            return try await branding.setBranding(new, ofDomain: domain, replacing: expected, audit: audit)
        } catch StoreError.alreadyExists {
            throw Problem(.preconditionFailed, detail: "Another version is in force by now.")
        }
    }

    private func replaceLogo(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await domain(request, caller)
        let bytes = try await request.body()
        let type: String
        do throws(LogoPicture.Fault) {
            type = try LogoPicture.type(of: bytes)
        } catch {
            throw Self.problem(error)
        }
        let record = try await branding.setLogo(
            BrandingLogo(type: type, bytes: bytes),
            ofDomain: domain.name,
            audit: AuditEvent("domain.logo", domain.name, by: caller, request, at: clock.now())
        )
        return try .json(Document(domain.name, record)).tagged(version: record.version)
    }

    private func removeLogo(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await domain(request, caller)
        _ = try await branding.setLogo(
            nil,
            ofDomain: domain.name,
            audit: AuditEvent("domain.logo", domain.name, by: caller, request, at: clock.now())
        )
        return .noContent
    }

    private static func problem(_ fault: LogoPicture.Fault) -> Problem {
        switch fault {
        case .tooLarge: Problem(413, detail: "A logo has at most \(LogoPicture.limit) octets.")
        case .otherKind: Problem(415, detail: "A logo is a PNG or JPEG picture.")
        case .badSize: Problem(422, detail: "A logo is at most \(LogoPicture.maximumSide) pixels wide and high.")
        }
    }

    private func domain(_ request: APIRequest, _ caller: Account) async throws -> HostedDomain {
        try await gate.domain(request, caller, .manage)
    }
}
