import ByteParsing
import MailModel
import MessageFormat

/// What a program answers in a person's name: mail that a person wrote to them (RFC 3834 §2, RFC 5230 §4.5 and §4.6).
///
/// In doubt there is no answer: one too few is missed by somebody, one too many goes in circles or to those who never wrote.
enum PersonalMail {
    /// Fields of lists (RFC 2369, RFC 2919).
    private static let listFields: [StaticString] = [
        "list-id", "list-help", "list-subscribe", "list-unsubscribe", "list-post", "list-owner", "list-archive",
    ]
    private static let precedences: Set<String> = ["bulk", "list", "junk"]
    /// Local parts that no person reads.
    private static let programs: Set<String> = [
        "mailer-daemon", "listserv", "majordomo", "noreply", "no-reply", "no_reply", "donotreply", "do-not-reply",
        "do_not_reply", "bounce", "bounces", "notification", "notifications",
    ]
    private static let prefixes = ["owner-", "bounce-", "bounce+", "bounces-", "bounces+", "prvs="]
    private static let suffixes = ["-request", "-bounces", "-bounce", "-owner", "-noreply", "-no-reply"]

    /// Whether its header says that a person wrote it.
    static func isByPerson(_ header: HeaderBlock) -> Bool {
        // RFC 3834 §5: everything but `no`, parameters aside.
        for value in header.values("auto-submitted") where word(value) != "no" { return false }
        guard !listFields.contains(where: { header.contains($0) }) else { return false }
        guard !header.values("precedence").contains(where: { precedences.contains(word($0)) }) else { return false }
        // What the largest other platform writes into mail that wants no answer.
        let suppressed = header.values("x-auto-response-suppress").flatMap { $0.split(separator: UInt8(ascii: ",")) }
        guard !suppressed.contains(where: { ["all", "oof", "autoreply"].contains(word(Array($0))) }) else {
            return false
        }
        return !header.values("x-spam-flag").contains { word($0) == "yes" }
    }

    /// Whether an answer to the address may reach a person.
    static func isPerson(_ sender: EmailAddress) -> Bool {
        let local = EmailAddress.lowercased(sender.localPart)
        return !programs.contains(local) && !prefixes.contains { local.utf8.starts(with: $0.utf8) }
            && !suffixes.contains { local.utf8.reversed().starts(with: $0.utf8.reversed()) }
    }

    /// Addresses that it was written to, as lookups write them.
    static func recipients(_ header: HeaderBlock) -> Set<String> {
        let fields: [StaticString] = ["to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc"]
        let found = fields.flatMap { header.values($0) }.flatMap { AddressList.parse($0) }
        return Set(
            found.compactMap { address in
                guard let mailbox = address.mailbox, let host = address.host else { return nil }
                return EmailAddress(
                    uncheckedLocalPart: String(decoding: mailbox, as: UTF8.self),
                    domain: String(decoding: host, as: UTF8.self)
                ).canonical
            }
        )
    }

    /// The first word of a field's value in lower case.
    private static func word(_ value: [UInt8]) -> String {
        let trimmed = value.drop { $0 == ASCII.space || $0 == ASCII.tab }
        let end = trimmed.firstIndex { !$0.isASCIIAlphanumeric && $0 != UInt8(ascii: "-") } ?? trimmed.endIndex
        return String(decoding: trimmed[..<end].map(\.asciiLowercased), as: UTF8.self)
    }
}
