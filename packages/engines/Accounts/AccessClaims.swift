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
}

extension AccessClaims {
    /// The JSON payload.
    ///
    /// Every text in it is of our own making: base64url, numbers, a host name.
    var payload: [UInt8] {
        Array(
            """
            {"iss":"\(issuer)","sub":"\(account)","aud":"\(audience)","exp":\(expiresAt.seconds),"iat":\(issuedAt.seconds),\
            "jti":"\(tokenID)","family":"\(family)","role":"\(role.rawValue)","org":"\(organisation)"}
            """.utf8
        )
    }

    /// Reads what `payload` writes and nothing else: a flat object of plain texts and whole numbers.
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
        self.init(
            issuer: issuer,
            account: AccountID(account),
            audience: audience,
            issuedAt: Timestamp(seconds: issued),
            expiresAt: Timestamp(seconds: expires),
            tokenID: token,
            family: family,
            role: role,
            organisation: OrganisationID(organisation)
        )
    }

    enum Member {
        case text(String)
        case number(Int64)
    }

    /// The members of a flat object of plain texts and whole numbers, at most 4 KiB; nil for every other text.
    static func members(_ bytes: [UInt8]) -> [String: Member]? {
        guard bytes.count <= 4_096, bytes.first == UInt8(ascii: "{"), bytes.last == UInt8(ascii: "}") else {
            return nil
        }
        var rest = bytes.dropFirst().dropLast()
        var members: [String: Member] = [:]
        while true {
            guard let name = text(&rest), rest.popFirst() == UInt8(ascii: ":") else { return nil }
            let member: Member
            if rest.first == 34 {
                guard let value = text(&rest) else { return nil }
                member = .text(value)
            } else {
                let digits = rest.prefix { (48...57).contains($0) }
                guard (1...12).contains(digits.count), let value = Int64(String(decoding: digits, as: UTF8.self)) else {
                    return nil
                }
                rest = rest.dropFirst(digits.count)
                member = .number(value)
            }
            guard members.updateValue(member, forKey: name) == nil else { return nil }
            guard let next = rest.popFirst() else { return members }
            guard next == UInt8(ascii: ",") else { return nil }
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
