/// What a client may ask for (RFC 6749 §3.3, OpenID Connect Core §5.4); mail protocols by the words of `SignInScope`.
package enum OAuthScope: String, CaseIterable, Sendable {
    case openid, email, profile
    /// A refresh token (OpenID Connect Core §11).
    case offlineAccess = "offline_access"
    case imap, smtp, jmap, pop, sieve

    /// What a person reads who is asked; nil: nothing that needs asking.
    package var meaning: String? {
        switch self {
        case .openid: "Know who you are"
        case .email: "See your address"
        case .profile: "See your name"
        case .offlineAccess: "Stay signed in until you take it back"
        case .imap: "Read, change and delete all your mail (IMAP)"
        case .smtp: "Send mail as you (SMTP)"
        case .jmap: "Read, change, delete and send your mail (JMAP)"
        case .pop: "Fetch and delete your mail (POP)"
        case .sieve: "Change your mail filters (ManageSieve)"
        }
    }

    /// All mail by whatever protocol, as programs name it that know nothing of this provider
    /// (draft-ietf-mailmaint-oauth-public).
    package static let allMail = "urn:ietf:params:oauth:scope:mail"
    private static let mailScopes: [OAuthScope] = [.imap, .smtp, .jmap, .pop]

    /// The words with the scope of all mail as those that it stands for.
    package static func expanded(_ words: [String]) -> [String] {
        var expanded: [String] = []
        for word in words.flatMap({ $0 == allMail ? mailScopes.map(\.rawValue) : [$0] })
        where !expanded.contains(word) {
            expanded.append(word)
        }
        return expanded
    }

    /// The words of a list between blanks; nil for what no list of scopes is (RFC 6749 §3.3).
    package static func words(_ text: String) -> [String]? {
        guard text.utf8.count <= 1_000, text.utf8.allSatisfy({ (32...126).contains($0) && $0 != 34 && $0 != 92 }) else {
            return nil
        }
        var words: [String] = []
        for part in text.utf8.split(separator: 32) {
            let word = String(decoding: part, as: UTF8.self)
            if !words.contains(word) { words.append(word) }
        }
        return words
    }
}
