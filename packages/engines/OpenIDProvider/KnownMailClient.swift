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

    private init(_ name: String, _ answers: Answers) { (self.name, self.answers) = (name, answers) }

    /// Octets of the path of a loopback address.
    package static let longestPath = 64

    /// An application's `oauth2redirect`, in both ways in which AppAuth programs write it.
    private static func appAuth(_ identifier: String) -> Answers {
        .schemes(["\(identifier):/oauth2redirect", "\(identifier)://oauth2redirect"])
    }

    /// Every program that is known.
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

    /// The program whose scheme an answer goes to; nil for loopback addresses and what is not known.
    package static func owner(ofRedirect text: String) -> KnownMailClient? {
        all.first { client in
            guard case .schemes(let known) = client.answers else { return false }
            return known.contains { $0.utf8.elementsEqual(text.utf8) }
        }
    }

    /// The address as it is kept: of a loopback address without its port, which is the program's choice each time
    /// (RFC 8252 §7.3); nil for what no known mail program uses.
    package static func normalised(redirect text: String) -> String? {
        if owner(ofRedirect: text) != nil { return text }
        return loopback(text)
    }

    // loopback = "http://" ( "127.0.0.1" / "[::1]" / "localhost" ) [ ":" port ] [ "/" *( unreserved / "/" ) ]
    private static func loopback(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        for host in ["127.0.0.1", "[::1]", "localhost"] {
            let beginning = Array("http://\(host)".utf8)
            guard bytes.starts(with: beginning) else { continue }
            var rest = bytes[beginning.count...]
            if rest.first == UInt8(ascii: ":") {
                let port = rest.dropFirst().prefix { (48...57).contains($0) }
                guard (1...5).contains(port.count), let number = Int(String(decoding: port, as: UTF8.self)),
                    (1...65_535).contains(number)
                else { return nil }
                rest = rest.dropFirst(1 + port.count)
            }
            guard rest.first.map({ $0 == UInt8(ascii: "/") }) ?? true, rest.count <= longestPath,
                rest.allSatisfy(isOfPath)
            else { return nil }
            return String(decoding: beginning + rest, as: UTF8.self)
        }
        return nil
    }

    /// RFC 3986 §2.3, and the slash.
    private static func isOfPath(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"), UInt8(ascii: "/"):
            true
        default: false
        }
    }
}
