import Addresses
import HTTPKit
import MailModel
import MailPorts
import ServiceHost
import Telemetry

/// Distribution lists: managers of the organisation do everything, a list's owners look after its members and senders.
extension AddressRoutes {
    private static let path = "/api/domains/{name}/lists"

    func addListRoutes(_ set: inout RouteSet, _ guarded: BearerGuard<Account>) {
        let one = Self.path + "/{address}"
        set.get(Self.path, guarded { try await self.listLists($0, $1) })
        set.post(Self.path, guarded { try await self.addList($0, $1) })
        set.get(one, guarded { try await self.showList($0, $1) })
        set.patch(one, guarded { try await self.changeList($0, $1) })
        set.delete(one, guarded { try await self.removeList($0, $1) })
        set.get(one + "/members", guarded { try await self.listMembers($0, $1) })
        set.post(one + "/members", guarded { try await self.addMembers($0, $1) })
        set.delete(one + "/members/{member}", guarded { try await self.removeMember($0, $1) })
        set.put(one + "/owners", guarded { try await self.setOwners($0, $1) })
        set.put(one + "/senders", guarded { try await self.setSenders($0, $1) })
    }

    private struct ListDocument: Encodable {
        var address: String
        var name: String
        /// `anyone`, `organisation`, `members`, `named`.
        var posting: String
        /// Octets; null: no limit of its own.
        var maximumSize: Int?
        var createdAt: String
        /// Only where one list is asked for.
        var owners: [String]?
        var senders: [String]?

        init(_ list: DistributionList, owners: [Account]? = nil, senders: [EmailAddress]? = nil) {
            address = list.address.description
            name = list.name
            posting = list.posting.rawValue
            maximumSize = list.maximumSize
            createdAt = RFC3339.text(list.createdAt)
            self.owners = owners?.map(\.primaryAddress.description)
            self.senders = senders?.map(\.description)
        }
    }

    private func listLists(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await domain(request, caller)
        let query = try request.list(DistributionListing.Sort.self, filters: ["posting", "text"])
        var listing = DistributionListing(domain: domain.name, limit: query.limit)
        (listing.posting, listing.text) = (try query.choice("posting"), query.filters["text"])
        let found = try await addresses.store.lists(try query.applied(to: listing))
        return try request.answer("lists", found, query) { ListDocument($0) }
    }

    // MARK: - One list

    /// The list of the path, for who manages the organisation or owns the list; to others it does not exist.
    private func list(
        _ request: APIRequest,
        _ caller: Account,
        ownersToo: Bool
    ) async throws -> DistributionList {
        let name = EmailAddress.lowercased(request.parameter("name"))
        let address = try address(request, in: name)
        let found = try await addresses.store.list(address)
        if caller.role == .member {
            let owners = found == nil || !ownersToo ? [] : try await addresses.store.owners(of: address)
            if !owners.contains(where: { $0.id == caller.id }) {
                try await gate.requireMember(caller, on: name, .manage)
            }
        }
        guard let list = found, caller.role == .platformAdmin || list.organisation == caller.organisation else {
            throw Problem.notFound("There is no such list.")
        }
        return list
    }

    private func answer(_ list: DistributionList, status: Int = 200) async throws -> APIResponse {
        let document = ListDocument(
            list,
            owners: try await addresses.store.owners(of: list.address),
            senders: try await addresses.store.senders(of: list.address)
        )
        let place = "/api/domains/\(list.address.domain)/lists/\(list.address.canonical)"
        return try .json(document, status: status, headers: status == 201 ? ["Location": place] : [:])
    }

    private func showList(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try await answer(try await list(request, caller, ownersToo: true))
    }

    struct NewList: RequestDocument {
        static let members: Set<String> = ["address", "name", "posting", "maximum_size", "owners"]
        var address: String
        var name: String?
        var posting: String?
        var maximumSize: Int?
        var owners: [String]?

        private enum CodingKeys: String, CodingKey {
            case address, name, posting, owners
            case maximumSize = "maximum_size"
        }
    }

    private func addList(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await domain(request, caller)
        let new = try await request.decode(NewList.self)
        guard let address = EmailAddress(new.address), address.domain == domain.name else {
            throw Problem.invalid("address", "This is no address of \(domain.name).")
        }
        let list = try await addresses.addList(
            AddressService.NewList(
                address: address,
                name: new.name ?? "",
                posting: try Self.posting(new.posting) ?? .organisation,
                maximumSize: new.maximumSize,
                owners: try Self.parsed(new.owners ?? [], "owners")
            ),
            by: actor(request, caller)
        )
        return try await answer(list, status: 201)
    }

    private static func posting(_ text: String?) throws(Problem) -> PostingRule? {
        guard let text else { return nil }
        guard let rule = PostingRule(rawValue: text) else {
            let all = PostingRule.allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalid("posting", "Who may write is one of \(all).")
        }
        return rule
    }

    struct ListChange: RequestDocument {
        static let members: Set<String> = ["name", "posting", "maximum_size"]
        var name: String?
        var posting: String?
        /// Null takes the limit away.
        var maximumSize: Int??

        private enum CodingKeys: String, CodingKey {
            case name, posting
            case maximumSize = "maximum_size"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            name = try container.decodeIfPresent(String.self, forKey: .name)
            posting = try container.decodeIfPresent(String.self, forKey: .posting)
            if container.contains(.maximumSize) {
                maximumSize = .some(try container.decodeIfPresent(Int.self, forKey: .maximumSize))
            }
        }
    }

    private func changeList(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let before = try await list(request, caller, ownersToo: false)
        let change = try await request.decode(ListChange.self)
        var list = before
        list.name = change.name ?? list.name
        list.posting = try Self.posting(change.posting) ?? list.posting
        if let size = change.maximumSize { list.maximumSize = size }
        try await addresses.changeList(list, from: before, by: actor(request, caller))
        return try await answer(list)
    }

    private func removeList(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let list = try await list(request, caller, ownersToo: false)
        try await addresses.removeList(list, by: actor(request, caller))
        return .noContent
    }

    // MARK: - Who belongs to it

    private func listMembers(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let list = try await list(request, caller, ownersToo: true)
        let query = try request.list(MemberListing.Sort.self, filters: ["domain", "text"])
        var listing = MemberListing(list: list.address, limit: query.limit)
        (listing.domain, listing.text) = (query.name("domain"), query.filters["text"])
        let found = try await addresses.store.members(try query.applied(to: listing))
        return try request.answer("members", found, query, as: \.address.description)
    }

    struct Members: RequestDocument {
        static let members: Set<String> = ["members"]
        var members: [String]
    }

    private struct Added: Encodable {
        /// Those that were members already are not counted.
        var added: Int
    }

    private func addMembers(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let list = try await list(request, caller, ownersToo: true)
        let new = try Self.parsed(try await request.decode(Members.self).members, "members")
        let added = try await addresses.addMembers(new, to: list.address, by: actor(request, caller))
        return try .json(Added(added: added))
    }

    private func removeMember(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let list = try await list(request, caller, ownersToo: true)
        guard let member = EmailAddress(request.parameter("member")) else {
            throw Problem.notFound("There is no such member.")
        }
        try await addresses.removeMember(member, of: list.address, by: actor(request, caller))
        return .noContent
    }

    struct Owners: RequestDocument {
        static let members: Set<String> = ["owners"]
        var owners: [String]
    }

    private func setOwners(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let list = try await list(request, caller, ownersToo: false)
        let owners = try Self.parsed(try await request.decode(Owners.self).owners, "owners")
        try await addresses.setOwners(owners, of: list.address, by: actor(request, caller))
        return try await answer(list)
    }

    struct Senders: RequestDocument {
        static let members: Set<String> = ["senders"]
        var senders: [String]
    }

    private func setSenders(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let list = try await list(request, caller, ownersToo: true)
        let senders = try Self.parsed(try await request.decode(Senders.self).senders, "senders")
        try await addresses.setSenders(senders, of: list.address, by: actor(request, caller))
        return try await answer(list)
    }
}
