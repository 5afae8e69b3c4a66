package import Domains
package import HTTPKit
import MailModel
package import MailPorts

/// What programs of anybody ask about a hosted domain: how to reach its mail, and how to deliver to it.
///
/// No token is needed, and nothing is told but what stands in DNS anyway: whether an address exists is not.
package struct DiscoveryRoutes: Sendable {
    /// Where the world's servers keep what they have read (RFC 9111 §5.2.2.1).
    private static let cacheControl = "public, max-age=3600"

    private let directory: any DirectoryStore
    private let host: MailHost
    private let policy: TransportPolicy
    private let signIn: ClientSettings.SignIn?

    /// - Parameter signIn: nil: mail programs take passwords alone.
    package init(directory: any DirectoryStore, policy: TransportPolicy, signIn: ClientSettings.SignIn? = nil) {
        self.directory = directory
        self.signIn = signIn
        self.host = policy.host
        self.policy = policy
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: ManagerProblem.problem)
        set.get("/.well-known/mta-sts.txt") { try await self.transportPolicy($0) }
        set.get("/mail/config-v1.1.xml") { try await self.thunderbird($0) }
        set.get("/.well-known/autoconfig/mail/config-v1.1.xml") { try await self.thunderbird($0) }
        // The first is how programs write it, the second how some do.
        set.post("/autodiscover/autodiscover.xml") { try await self.outlook($0) }
        set.post("/Autodiscover/Autodiscover.xml") { try await self.outlook($0) }
        set.get("/autodiscover/autodiscover.json") { try await self.outlookPlace($0) }
        set.get("/mail/config.mobileconfig") { try await self.apple($0) }
        Self.describe(&set)
        return set
    }

    // MARK: - Policies

    /// RFC 8461 §3.3: at the host `mta-sts.DOMAIN`, as text/plain.
    private func transportPolicy(_ request: APIRequest) async throws -> APIResponse {
        guard let name = request.host(after: "mta-sts."), try await isHosted(name) else {
            throw Problem.notFound("No policy is served for this host.")
        }
        return answer(policy.text, "text/plain; charset=utf-8")
    }

    // MARK: - Mail programs

    private func thunderbird(_ request: APIRequest) async throws -> APIResponse {
        let address = request.query("emailaddress").flatMap { EmailAddress($0) }
        let named = address?.domain ?? request.host(after: "autoconfig.") ?? request.host(after: "")
        let settings = try await settings(of: named)
        return answer(settings.thunderbird(for: address), "text/xml; charset=utf-8")
    }

    private func outlook(_ request: APIRequest) async throws -> APIResponse {
        let xml = "text/xml; charset=utf-8"
        guard let question = ClientSettings.OutlookQuestion(document: try await request.body()) else {
            return answer(ClientSettings.outlookRefusal(code: 600, "Invalid Request"), xml)
        }
        guard question.asksForMail else {
            return answer(ClientSettings.outlookRefusal(code: 601, "Requested schema is not available"), xml)
        }
        let settings = try await settings(of: question.address.domain)
        var response = answer(settings.outlook(for: question.address), xml)
        response.headers["Cache-Control"] = "private"
        return response
    }

    private func outlookPlace(_ request: APIRequest) async throws -> APIResponse {
        guard let address = (request.query("Email") ?? request.query("email")).flatMap({ EmailAddress($0) }) else {
            throw Problem(400, detail: "The query's Email takes an address.")
        }
        _ = try await settings(of: address.domain)
        // The members are written as the programs expect them; a domain's name needs no escapes.
        let place = "https://autodiscover.\(address.domain)/autodiscover/autodiscover.xml"
        return answer("{\"Protocol\":\"AutodiscoverV1\",\"Url\":\"\(place)\"}", "application/json")
    }

    private func apple(_ request: APIRequest) async throws -> APIResponse {
        guard let address = request.query("emailaddress").flatMap({ EmailAddress($0) }) else {
            throw Problem(400, detail: "The query's emailaddress takes an address.")
        }
        guard let profile = try await settings(of: address.domain).appleProfile(for: address) else {
            throw Problem.notFound("Mail is not served to mail programs here.")
        }
        var response = answer(profile, "application/x-apple-aspen-config")
        response.headers["Content-Disposition"] = "attachment; filename=\"mail.mobileconfig\""
        response.headers["Cache-Control"] = "private"
        return response
    }

    // MARK: - Domains

    private func settings(of name: String?) async throws -> ClientSettings {
        guard let name, try await isHosted(name) else { throw Problem.notFound("This domain's mail is not here.") }
        return ClientSettings(domain: name, host: host, signIn: signIn)
    }

    private func isHosted(_ name: String) async throws -> Bool {
        guard EmailAddress.isDomain(name.utf8) else { return false }
        return try await directory.domain(named: name)?.status == .active
    }

    private func answer(_ text: String, _ type: String) -> APIResponse {
        APIResponse(
            status: 200,
            contentType: type,
            body: Array(text.utf8),
            headers: ["Cache-Control": Self.cacheControl]
        )
    }
}

extension APIRequest {
    /// The name that the client asked, in lower case, without its port and the given beginning; nil when it does not begin so.
    fileprivate func host(after beginning: String) -> String? {
        let name = EmailAddress.lowercased(
            String(decoding: host.utf8.prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self)
        )
        guard name.utf8.starts(with: beginning.utf8), name.utf8.count > beginning.utf8.count else { return nil }
        return String(decoding: name.utf8.dropFirst(beginning.utf8.count), as: UTF8.self)
    }
}
