package import MailModel
package import MailPorts

/// What an access token says (RFC 7519 §4.1), after its signature was verified.
package struct AccessClaims: Equatable, Sendable {
    package var issuer: String
    package var account: AccountID
    package var audience: String
    package var issuedAt: Timestamp
    package var expiresAt: Timestamp
    package var tokenID: String
    /// The sign-in that it came from.
    package var family: String
    package var role: Role
    package var organisation: OrganisationID
    /// Who acts as the account (RFC 8693 §4.1); nil: nobody.
    package var actor: Actor?

    /// The party of the `act` claim.
    package struct Actor: Equatable, Sendable {
        package var account: AccountID
        /// For whoever reads the token; nil where it has characters that a JSON text escapes.
        package var email: String?
        package init(_ account: AccountID, email: String) {
            self.account = account
            self.email = email.utf8.contains { $0 < 32 || $0 == 34 || $0 == 92 } ? nil : email
        }
    }
}

extension AccessClaims {
    /// The JSON payload.
    ///
    /// Every text in it needs no escapes: base64url, numbers, a host name, an address that was looked at.
    var payload: [UInt8] {
        Array(
            """
            {"iss":"\(issuer)","sub":"\(account)","aud":"\(audience)","exp":\(expiresAt.seconds),"iat":\(issuedAt.seconds),\
            "jti":"\(tokenID)","family":"\(family)","role":"\(role.rawValue)","org":"\(organisation)"\(act)}
            """.utf8
        )
    }

    private var act: String {
        guard let actor else { return "" }
        return ",\"act\":{\"sub\":\"\(actor.account)\"\(actor.email.map { ",\"email\":\"\($0)\"" } ?? "")}"
    }

    /// Reads what `payload` writes and nothing else.
    init?(payload: [UInt8]) {
        guard let members = Self.members(payload) else { return nil }
        guard case .text(let issuer)? = members["iss"], case .text(let subject)? = members["sub"],
            case .text(let audience)? = members["aud"],
            case .number(let expires)? = members["exp"], case .number(let issued)? = members["iat"],
            case .text(let token)? = members["jti"],
            case .text(let family)? = members["family"], case .text(let roleName)? = members["role"],
            case .text(let organisation)? = members["org"]
        else { return nil }
        guard let account = Int64(subject), let organisation = Int64(organisation), let role = Role(rawValue: roleName)
        else { return nil }
        var actor: Actor?
        if let claim = members["act"] {
            // One that is not understood must not pass for nobody.
            guard case .object(let party) = claim, case .text(let subject)? = party["sub"], let id = Int64(subject)
            else { return nil }
            var email = ""
            if case .text(let address)? = party["email"] { email = address }
            actor = Actor(AccountID(id), email: email)
        }
        self.init(
            issuer: issuer,
            account: AccountID(account),
            audience: audience,
            issuedAt: Timestamp(seconds: issued),
            expiresAt: Timestamp(seconds: expires),
            tokenID: token,
            family: family,
            role: role,
            organisation: OrganisationID(organisation),
            actor: actor
        )
    }

    enum Member {
        case text(String)
        case number(Int64)
        case object([String: Member])
    }

    /// The members of an object of plain texts, whole numbers and flat objects of them, at most 4 KiB; nil for every other text.
    static func members(_ bytes: [UInt8]) -> [String: Member]? {
        guard bytes.count <= 4_096 else { return nil }
        var rest = bytes[...]
        guard let members = object(&rest, mayNest: true), rest.isEmpty else { return nil }
        return members
    }

    private static func object(_ rest: inout ArraySlice<UInt8>, mayNest: Bool) -> [String: Member]? {
        guard rest.popFirst() == UInt8(ascii: "{") else { return nil }
        var members: [String: Member] = [:]
        while true {
            guard let name = text(&rest), rest.popFirst() == UInt8(ascii: ":") else { return nil }
            guard let member = value(&rest, mayNest: mayNest) else { return nil }
            guard members.updateValue(member, forKey: name) == nil else { return nil }
            switch rest.popFirst() {
            case UInt8(ascii: ","): continue
            case UInt8(ascii: "}"): return members
            case _: return nil
            }
        }
    }

    private static func value(_ rest: inout ArraySlice<UInt8>, mayNest: Bool) -> Member? {
        switch rest.first {
        case 34: return text(&rest).map { .text($0) }
        case UInt8(ascii: "{") where mayNest: return object(&rest, mayNest: false).map { .object($0) }
        case _:
            let digits = rest.prefix { (48...57).contains($0) }
            guard (1...12).contains(digits.count), let value = Int64(String(decoding: digits, as: UTF8.self)) else {
                return nil
            }
            rest = rest.dropFirst(digits.count)
            return .number(value)
        }
    }

    private static func text(_ rest: inout ArraySlice<UInt8>) -> String? {
        guard rest.popFirst() == 34 else { return nil }
        let content = rest.prefix { $0 != 34 }
        guard !content.contains(where: { $0 < 32 || $0 == 92 }) else { return nil }
        rest = rest.dropFirst(content.count)
        guard rest.popFirst() == 34 else { return nil }
        return String(decoding: content, as: UTF8.self)
    }
}
