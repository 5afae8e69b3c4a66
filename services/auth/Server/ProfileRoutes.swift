package import Accounts
package import HTTPKit
package import MailModel
import MailPorts
import ServiceHost

/// `/api/users/me` and pictures of people: what programs show of a person.
///
/// Invariants: pictures are told by their own octets and go out under that type alone; colleagues see them, others find nothing.
package struct ProfileRoutes: Sendable {
    /// Programs may keep a picture for that long; its path changes with the picture.
    private static let cacheSeconds = 60

    private let people: PeopleService
    private let avatars: AvatarService
    private let tokens: TokenService
    private let clock: any WallClock

    package init(people: PeopleService, avatars: AvatarService, tokens: TokenService, clock: any WallClock) {
        self.people = people
        self.avatars = avatars
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        set.get("/api/users/me", whileActing: true, BearerGuard.tokens(tokens, clock, toEnrol: true)(show))
        set.patch("/api/users/me", whileActing: true, guarded(change))
        set.get("/api/users/me/avatar", whileActing: true, guarded(showOwnAvatar))
        set.put("/api/users/me/avatar", guarded(replaceOwnAvatar))
        set.delete("/api/users/me/avatar", guarded(removeOwnAvatar))
        set.get("/api/accounts/{id}/avatar", guarded(showAvatar))
        set.put("/api/accounts/{id}/avatar", guarded(replaceAvatar))
        set.delete("/api/accounts/{id}/avatar", guarded(removeAvatar))
        Self.describe(&set)
        return set
    }

    // MARK: - One's own account

    private struct Document: Encodable {
        struct Quota: Encodable {
            /// Null: no limit.
            var bytes: Int64?
            var usedBytes: Int64
            var usedMessages: Int64
        }
        var id: Int64
        var organisationID: Int64
        var email: String
        var displayName: String
        var role: String
        var language: String?
        var timeZone: String?
        var avatar: String?
        /// false: it signs in by a passkey or by its domain's identity provider.
        var hasPassword: Bool
        var quota: Quota

        init(_ person: Person) {
            let account = person.account
            id = account.id.rawValue
            organisationID = account.organisation.rawValue
            email = account.primaryAddress.description
            displayName = account.displayName
            role = account.role.rawValue
            language = person.language?.description
            timeZone = person.timeZone
            avatar = person.avatarPath
            hasPassword = account.hasPassword
            quota = Quota(
                bytes: account.quotaBytes,
                usedBytes: account.usedBytes,
                usedMessages: account.usedMessages
            )
        }
    }

    @Sendable private func show(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try .json(Document(try await people.own(caller)))
    }

    private struct Change: RequestDocument {
        static let members: Set<String> = ["display_name", "language", "time_zone"]
        var displayName: String?
        var profile: ProfileText

        private enum CodingKeys: String, CodingKey {
            case displayName = "display_name"
        }

        init(from decoder: any Decoder) throws {
            let members = try decoder.container(keyedBy: CodingKeys.self)
            displayName = try members.decodeIfPresent(String.self, forKey: .displayName)
            profile = try ProfileText(from: decoder)
        }
    }

    @Sendable private func change(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let given = try await request.decode(Change.self)
        let person = try await people.changeOwn(
            caller,
            displayName: given.displayName,
            profile: given.profile,
            remote: request.remote,
            now: clock.now()
        )
        return try .json(Document(person))
    }

    // MARK: - Pictures

    @Sendable private func showOwnAvatar(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try await picture(of: caller.id, caller)
    }

    @Sendable private func showAvatar(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try await picture(of: try Self.account(request), caller)
    }

    private func picture(of id: AccountID, _ caller: Account) async throws -> APIResponse {
        let avatar = try await avatars.avatar(of: id, for: caller)
        return APIResponse(
            status: 200,
            contentType: avatar.kind.rawValue,
            body: avatar.bytes,
            headers: ["Cache-Control": "private, max-age=\(Self.cacheSeconds)"]
        )
    }

    private struct Shown: Encodable {
        /// The path of the picture.
        var avatar: String?
    }

    @Sendable private func replaceOwnAvatar(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let avatar = try Self.avatar(try await request.body())
        let person = try await avatars.setOwn(avatar, of: caller, remote: request.remote, now: clock.now())
        return try .json(Shown(avatar: person.avatarPath))
    }

    @Sendable private func removeOwnAvatar(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        _ = try await avatars.setOwn(nil, of: caller, remote: request.remote, now: clock.now())
        return .noContent
    }

    @Sendable private func replaceAvatar(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let person = try await avatars.set(
            try Self.avatar(try await request.body()),
            of: try Self.account(request),
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return try .json(Shown(avatar: person.avatarPath))
    }

    @Sendable private func removeAvatar(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let id = try Self.account(request)
        _ = try await avatars.set(nil, of: id, by: PeopleActor(caller, remote: request.remote), now: clock.now())
        return .noContent
    }

    private static func account(_ request: APIRequest) throws(Problem) -> AccountID {
        AccountID(try request.number())
    }

    private static func avatar(_ bytes: [UInt8]) throws(Problem) -> Avatar {
        do throws(AvatarService.Fault) {
            return try AvatarService.picture(bytes)
        } catch {
            switch error {
            case .tooLarge: throw Problem(413, detail: "A picture has at most \(AvatarLimits.size) octets.")
            case .otherKind: throw Problem(415, detail: "A picture is PNG, JPEG or WebP.")
            case .badSize:
                throw Problem(422, detail: "A picture is at most \(AvatarLimits.side) pixels wide and high.")
            }
        }
    }

    // MARK: - Descriptions

    private static func describe(_ set: inout RouteSet) {
        let quota = Schema.object(["bytes": .optional(.integer), "used_bytes": .integer, "used_messages": .integer])
        let own = Schema.document(
            "OwnAccount",
            [
                "id": .integer, "organisation_id": .integer, "email": .text, "display_name": .text, "role": .text,
                "language": .optional(.text), "time_zone": .optional(.text), "avatar": .optional(.text),
                "has_password": .truth, "quota": quota,
            ]
        )
        set.describe(
            "GET",
            "/api/users/me",
            RouteDescription("One's own account", answers: [200: "The account"], schemas: [200: own])
        )
        set.describe(
            "PATCH",
            "/api/users/me",
            RouteDescription(
                "Change one's name, language (BCP 47) and time zone (IANA); null takes away",
                body: ["display_name", "language", "time_zone"],
                answers: [200: "The account"],
                types: ["language": .nullable(.text), "time_zone": .nullable(.text)],
                schemas: [200: own]
            )
        )
        let foreign = "There is none that the caller may see"
        for (path, whose, missing) in [
            ("/api/users/me/avatar", "One's", "There is none"), ("/api/accounts/{id}/avatar", "An account's", foreign),
        ] {
            set.describe(
                "GET",
                path,
                RouteDescription("\(whose) picture", answers: [200: "PNG, JPEG or WebP", 404: missing])
            )
            set.describe(
                "PUT",
                path,
                RouteDescription(
                    "\(whose) picture: PNG, JPEG or WebP",
                    answers: [200: "Where it is", 404: missing],
                    schemas: [200: .object(["avatar": .text])]
                )
            )
            set.describe(
                "DELETE",
                path,
                RouteDescription("\(whose) picture is taken away", answers: [204: "Gone", 404: missing])
            )
        }
    }
}

extension Person {
    /// Another with each picture, so that caches may keep it; nil without one.
    var avatarPath: String? { avatarVersion.map { "/api/accounts/\(account.id)/avatar?v=\($0)" } }
}

extension ProfileText: Decodable {
    private enum CodingKeys: String, CodingKey {
        case language
        case timeZone = "time_zone"
    }

    /// `language` and `time_zone` of a document: null takes away, what is missing stays.
    package init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        func edit(_ key: CodingKeys) throws -> Edit<String> {
            members.contains(key) ? .set(try members.decodeIfPresent(String.self, forKey: key)) : .keep
        }
        self.init(language: try edit(.language), timeZone: try edit(.timeZone))
    }
}
