/// The CAPABILITY list (RFC 9051 §7.2.2).
enum Capabilities {
    private static let always =
        "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ENABLE ID IDLE NAMESPACE UNSELECT CHILDREN UIDPLUS MOVE ESEARCH SEARCHRES LIST-EXTENDED "
        + "LIST-STATUS STATUS=SIZE SPECIAL-USE CREATE-SPECIAL-USE BINARY UTF8=ACCEPT WITHIN PREVIEW SAVEDATE "
        + "QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE ACL RIGHTS=kxte LIST-MYRIGHTS"

    /// - Parameters:
    ///   - mayStartTLS: clear text so far.
    ///   - mayAuthenticate: a password is taken now (RFC 9051 §6.2.3 LOGINDISABLED otherwise).
    ///   - mechanisms: their names.
    static func text(
        appendLimit: Int,
        isAuthenticated: Bool,
        mayStartTLS: Bool,
        mayAuthenticate: Bool,
        mechanisms: [String]
    ) -> String {
        var text = "\(always) APPENDLIMIT=\(appendLimit)"
        guard !isAuthenticated else { return text }
        if mayStartTLS { text += " STARTTLS" }
        text += mayAuthenticate ? mechanisms.map { " AUTH=\($0)" }.joined() : " LOGINDISABLED"
        return text
    }
}
