// Table: mail programs that register themselves, and where they take answers.

/// A mail program that registers itself (RFC 7591), and where it takes the answer of a sign-in.
///
/// Whoever could have answers sent to a web site of theirs would read the mail of everybody who falls for a link, so there are
/// two ways only: an address of the very device that the browser runs on (RFC 8252 §7.3), and schemes that the makers of known
/// programs have on their devices (RFC 8252 §7.1).
package struct KnownMailClient: Hashable, Sendable {
    /// Where a program takes answers.
    package enum Answers: Hashable, Sendable {
        /// At a loopback address, with a port and a path of its choice (RFC 8252 §7.3). The address does not tell which program
        /// it is.
        case loopback
        /// At these addresses of schemes that name their maker (RFC 8252 §7.1), compared octet by octet.
        case schemes([String])
    }

    /// As people know it.
    package let name: String
    package let answers: Answers

    package init(_ name: String, _ answers: Answers) { (self.name, self.answers) = (name, answers) }

    /// An application's `oauth2redirect`, in both ways in which AppAuth programs write it.
    private static func appAuth(_ identifier: String) -> Answers {
        .schemes(["\(identifier):/oauth2redirect", "\(identifier)://oauth2redirect"])
    }

    /// Those that are known wherever an operator says nothing else.
    package static let all: [KnownMailClient] = [
        KnownMailClient("Thunderbird", .loopback),
        KnownMailClient("Evolution", .loopback),
        KnownMailClient("KMail", .loopback),
        KnownMailClient("Mailspring", .loopback),
        KnownMailClient("mutt_oauth2.py", .loopback),
        KnownMailClient("Himalaya", .loopback),
        KnownMailClient("Email OAuth 2.0 Proxy", .loopback),
        KnownMailClient("Thunderbird for Android", appAuth("net.thunderbird.android")),
        KnownMailClient("Thunderbird Beta for Android", appAuth("net.thunderbird.android.beta")),
        KnownMailClient("Thunderbird Daily for Android", appAuth("net.thunderbird.android.daily")),
        KnownMailClient("Thunderbird for iOS", appAuth("net.thunderbird.ios")),
        KnownMailClient("K-9 Mail", appAuth("com.fsck.k9")),
        KnownMailClient("FairEmail", .schemes(["eu.faircode.email:/"])),
        KnownMailClient("Delta Chat", .schemes(["chat.delta:/auth", "chat.delta:/com.b44t.messenger/auth"])),
    ]
}
