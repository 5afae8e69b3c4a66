import HTTPKit
import MailModel
import MailPorts
import ServiceHost
import Telemetry

/// A connection as answers have it: without its secret.
struct DirectoryDocument: Encodable {
    var kind: String
    var enforced: Bool
    var makesAccounts: Bool
    var quotaBytes: Int64?
    var synchronised: Bool
    var mostSuspended: Int
    var setBy: String
    var version: Int64
    var changedAt: String?
    var hasSecret: Bool
    var url: String?
    var startTls: Bool?
    var authority: String?
    var base: String?
    var bindName: String?
    var filter: String?
    var admits: String?
    var idAttribute: String?
    var addressAttribute: String?
    var aliasAttributes: [String]?
    var nameAttribute: String?
    var languageAttribute: String?
    var quotaAttribute: String?
    var disabledAttribute: String?
    var personQuery: String?
    var passwordQuery: String?
    var peopleQuery: String?
    var lastRun: DirectoryRunDocument?

    init(_ found: DirectoryConnection, _ run: DirectoryRun?) {
        kind = found.source.kind
        enforced = found.isEnforced
        makesAccounts = found.makesAccounts
        quotaBytes = found.quotaBytes
        synchronised = found.isSynchronised
        mostSuspended = found.mostSuspended
        setBy = found.setBy.rawValue
        version = found.version
        changedAt = found.changedAt.map { RFC3339.text($0) }
        hasSecret = found.sealedSecret != nil
        lastRun = run.map { DirectoryRunDocument($0) }
        switch found.source {
        case .ldap(let source):
            (url, startTls, authority, base) = (source.url, source.startsTLS, source.authority, source.base)
            (bindName, filter, admits) = (source.bindName, source.filter, source.admits)
            idAttribute = source.idAttribute
            (addressAttribute, aliasAttributes) = (source.addressAttribute, source.aliasAttributes)
            (nameAttribute, languageAttribute) = (source.nameAttribute, source.languageAttribute)
            (quotaAttribute, disabledAttribute) = (source.quotaAttribute, source.disabledAttribute)
        case .sql(let source):
            (personQuery, passwordQuery) = (source.personQuery, source.passwordQuery)
            peopleQuery = source.peopleQuery
        }
    }
}

/// What an administrator wants of a domain's connection; what is left out gets its standard.
struct DirectoryWish: RequestDocument {
    static let members: Set<String> = [
        "kind", "enforced", "makes_accounts", "quota_bytes", "synchronised", "most_suspended", "secret", "url",
        "start_tls",
        "authority", "base", "bind_name", "filter", "admits", "id_attribute", "address_attribute", "alias_attributes",
        "name_attribute",
        "language_attribute", "quota_attribute", "disabled_attribute", "person_query", "password_query", "people_query",
    ]
    var kind: String
    var enforced: Bool?
    var makesAccounts: Bool?
    var quotaBytes: Int64?
    var synchronised: Bool?
    var mostSuspended: Int?
    /// In no answer and no log.
    var secret: String?
    var url: String?
    var startTLS: Bool?
    var authority: String?
    var base: String?
    var bindName: String?
    var filter: String?
    var admits: String?
    var idAttribute: String?
    var addressAttribute: String?
    var aliasAttributes: [String]?
    var nameAttribute: String?
    var languageAttribute: String?
    var quotaAttribute: String?
    var disabledAttribute: String?
    var personQuery: String?
    var passwordQuery: String?
    var peopleQuery: String?

    private enum CodingKeys: String, CodingKey {
        case kind, enforced, synchronised, secret, url, authority, base, filter, admits
        case makesAccounts = "makes_accounts"
        case quotaBytes = "quota_bytes"
        case mostSuspended = "most_suspended"
        case startTLS = "start_tls"
        case bindName = "bind_name"
        case idAttribute = "id_attribute"
        case addressAttribute = "address_attribute"
        case aliasAttributes = "alias_attributes"
        case nameAttribute = "name_attribute"
        case languageAttribute = "language_attribute"
        case quotaAttribute = "quota_attribute"
        case disabledAttribute = "disabled_attribute"
        case personQuery = "person_query"
        case passwordQuery = "password_query"
        case peopleQuery = "people_query"
    }

    func connection(of domain: String, by role: Role) throws -> DirectoryConnection {
        var wish = DirectoryConnection(domain: domain, source: try source(), sealedSecret: nil, setBy: role)
        wish.isEnforced = enforced ?? false
        wish.makesAccounts = makesAccounts ?? false
        wish.quotaBytes = quotaBytes
        wish.isSynchronised = synchronised ?? false
        wish.mostSuspended = mostSuspended ?? wish.mostSuspended
        return wish
    }

    private func source() throws -> DirectorySource {
        switch kind {
        case "ldap":
            var source = LDAPSource(
                url: try Self.needed(url, "url"),
                base: try Self.needed(base, "base"),
                filter: try Self.needed(filter, "filter")
            )
            source.startsTLS = startTLS ?? true
            (source.authority, source.bindName, source.admits) = (authority, bindName, admits)
            source.idAttribute = idAttribute ?? source.idAttribute
            source.addressAttribute = addressAttribute ?? source.addressAttribute
            source.aliasAttributes = aliasAttributes ?? []
            source.nameAttribute = nameAttribute ?? source.nameAttribute
            source.languageAttribute = languageAttribute
            (source.quotaAttribute, source.disabledAttribute) = (quotaAttribute, disabledAttribute)
            return .ldap(source)
        case "sql":
            return .sql(
                SQLSource(
                    personQuery: try Self.needed(personQuery, "person_query"),
                    passwordQuery: try Self.needed(passwordQuery, "password_query"),
                    peopleQuery: peopleQuery
                )
            )
        default: throw Problem.invalid("kind", "It is ldap or sql.")
        }
    }

    private static func needed(_ text: String?, _ field: String) throws -> String {
        guard let text else { throw Problem.invalid(field, "It is needed.") }
        return text
    }
}
