import MailModel
import MailPorts

/// What a connection may say.
extension DirectoryConnections {
    func check(_ wish: DirectoryConnection, secret: String?) throws(ConnectionObjection) {
        let longest = DirectoryLimits.longestSecret
        if let objection = ConnectionObjection.secret(secret, "secret", atMost: longest) { throw objection }
        if let objection = ConnectionObjection.quota(wish.quotaBytes) { throw objection }
        guard (0...100).contains(wish.mostSuspended) else {
            throw ConnectionObjection("most_suspended", "It is a share in percent, 0 to 100.")
        }
        switch wish.source {
        case .ldap(let source): try check(source, hasSecret: secret != nil)
        case .sql(let source):
            guard !wish.isSynchronised || source.peopleQuery != nil else {
                throw ConnectionObjection("people_query", "Without it nobody can be synchronised.")
            }
        }
        if let objection = service.asking.objection(to: OpenDirectory(wish, secret: secret)) { throw objection }
    }

    private func check(_ source: LDAPSource, hasSecret: Bool) throws(ConnectionObjection) {
        for (field, text) in [("base", source.base), ("bind_name", source.bindName)] {
            guard let text else { continue }
            guard (1...DirectoryLimits.longestText).contains(text.utf8.count),
                !text.utf8.contains(where: { $0 < 32 || $0 == 127 })
            else { throw ConnectionObjection(field, "It takes 1 to \(DirectoryLimits.longestText) octets.") }
        }
        guard (source.bindName != nil) == hasSecret else {
            throw ConnectionObjection("secret", "The name to bind by and its password go together.")
        }
        if let authority = source.authority {
            guard authority.utf8.count <= DirectoryLimits.longestAuthority,
                authority.utf8.starts(with: "-----BEGIN CERTIFICATE-----".utf8)
            else { throw ConnectionObjection("authority", "It takes certificates in PEM.") }
        }
        guard source.aliasAttributes.count <= DirectoryLimits.mostAttributes else {
            throw ConnectionObjection("alias_attributes", "\(DirectoryLimits.mostAttributes) at most.")
        }
        let attributes: [(String, String?)] =
            [
                ("id_attribute", source.idAttribute), ("address_attribute", source.addressAttribute),
                ("name_attribute", source.nameAttribute),
                ("language_attribute", source.languageAttribute), ("quota_attribute", source.quotaAttribute),
                ("disabled_attribute", source.disabledAttribute),
            ] + source.aliasAttributes.map { ("alias_attributes", $0) }
        for (field, text) in attributes {
            guard let text, !Self.isAttribute(text) else { continue }
            throw ConnectionObjection(field, "It is the name of an attribute, and no password's.")
        }
    }

    /// ```
    /// descr = keystring (RFC 4512 §1.4)
    /// ```
    /// with options; attributes that hold passwords are not read.
    private static func isAttribute(_ text: String) -> Bool {
        let secret = ["userpassword", "unicodepwd", "sambantpassword", "krbprincipalkey"]
        guard (1...64).contains(text.utf8.count), !secret.contains(EmailAddress.lowercased(text)) else { return false }
        return text.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (97...122).contains(byte | 32) || byte == 45 || byte == 59 || byte == 46
        }
    }
}
