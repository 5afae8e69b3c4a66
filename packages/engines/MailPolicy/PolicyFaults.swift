import ByteParsing
package import MailModel
import SafeHTML

/// What is wrong with one member of a policy.
package struct PolicyMemberFault: Hashable, Sendable {
    /// From the document's root, as `sending/account_per_hour`.
    package var pointer: String
    package var why: String
}

extension DomainPolicy {
    /// Patterns of one list.
    package static let maximumPatterns = 1_000
    package static let maximumCopies = 5
    /// Octets of a footer.
    package static let maximumFooter = 10_000

    /// Everything that is wrong; empty for a policy that can be put in force.
    package var faults: [PolicyMemberFault] {
        var faults: [PolicyMemberFault] = []
        func note(_ pointer: String, _ why: String) { faults.append(PolicyMemberFault(pointer: pointer, why: why)) }
        func number(_ pointer: String, _ value: Int64?, _ range: ClosedRange<Int64>) {
            guard let value, !range.contains(value) else { return }
            note(pointer, "A whole number, \(range.lowerBound) to \(range.upperBound).")
        }
        func list(_ pointer: String, _ values: [String]?, _ why: String, _ isGood: (String) -> Bool) {
            let values = values ?? []
            if values.count > Self.maximumPatterns { note(pointer, "At most \(Self.maximumPatterns).") }
            if let place = values.firstIndex(where: { !isGood($0) }) { note("\(pointer)/\(place)", why) }
        }
        number("max_message_bytes", maxMessageBytes, 1_024...QuotaLimits.maximum)
        number("max_recipients", maxRecipients.map { Int64($0) }, 1...100_000)
        for (name, value) in [
            ("account_per_hour", sending?.accountPerHour), ("account_per_day", sending?.accountPerDay),
            ("domain_per_hour", sending?.domainPerHour), ("domain_per_day", sending?.domainPerDay),
        ] { number("sending/\(name)", value.map { Int64($0) }, 1...1_000_000_000) }
        let address = "A domain, *.domain, * or an address."
        list("recipients/allowed", recipients?.allowed, address) { AddressPattern($0) != nil }
        list("recipients/blocked", recipients?.blocked, address) { AddressPattern($0) != nil }
        list("blocked_senders", blockedSenders, address) { AddressPattern($0) != nil }
        let domain = "A domain, *.domain or *."
        list("tls/inbound", tls?.inbound, domain) { AddressPattern($0).map { !$0.isAddress } ?? false }
        list("tls/outbound", tls?.outbound, domain) { AddressPattern($0).map { !$0.isAddress } ?? false }
        list("attachments/names", attachments?.names, "1 to 100 octets, printable.") {
            (1...100).contains($0.utf8.count) && Self.isLine($0)
        }
        list("attachments/extensions", attachments?.extensions, "1 to 20 letters, digits, dots, _ or -.") { text in
            (1...20).contains(text.utf8.count) && text.utf8.first != ASCII.dot
                && text.utf8.allSatisfy { $0.isASCIIAlphanumeric || $0 == ASCII.dot || $0 == ASCII.minus || $0 == 95 }
        }
        list("attachments/types", attachments?.types, "type/subtype or type/*.") { Self.isType($0) }
        faults += footerFaults + copyFaults
        number("retention/trash_days", retention?.trashDays.map { Int64($0) }, 1...3_650)
        number("retention/junk_days", retention?.junkDays.map { Int64($0) }, 1...3_650)
        return faults
    }

    private var footerFaults: [PolicyMemberFault] {
        guard let footer else { return [] }
        var faults: [PolicyMemberFault] = []
        let isText = footer.text.utf8.allSatisfy { ($0 >= 32 && $0 != 127) || $0 == ASCII.lf || $0 == ASCII.tab }
        if !(1...Self.maximumFooter).contains(footer.text.utf8.count) || !isText {
            let why = "1 to \(Self.maximumFooter) octets, lines ended by LF, no other control characters."
            faults.append(PolicyMemberFault(pointer: "footer/text", why: why))
        } else if !footer.text.utf8.contains(where: { $0 > 32 }) {
            faults.append(PolicyMemberFault(pointer: "footer/text", why: "It shows nothing."))
        }
        if let html = footer.html {
            if !(1...HTMLSanitizer.limit).contains(html.utf8.count) {
                faults.append(PolicyMemberFault(pointer: "footer/html", why: "1 to \(HTMLSanitizer.limit) octets."))
            } else if !HTMLText.shown(Array(HTMLSanitizer.sanitized(html).utf8)).contains(where: { $0 > 32 }) {
                faults.append(PolicyMemberFault(pointer: "footer/html", why: "It shows no text."))
            }
        }
        return faults
    }

    private var copyFaults: [PolicyMemberFault] {
        let copies = copies ?? []
        var faults: [PolicyMemberFault] = []
        if copies.count > Self.maximumCopies {
            faults.append(PolicyMemberFault(pointer: "copies", why: "At most \(Self.maximumCopies)."))
        }
        for (place, copy) in copies.enumerated() where EmailAddress(copy.address) == nil {
            faults.append(PolicyMemberFault(pointer: "copies/\(place)/address", why: "This is no address."))
        }
        return faults
    }

    private static func isLine(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 32 && $0 != 127 } }

    private static func isType(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: ASCII.slash, omittingEmptySubsequences: false)
        guard parts.count == 2, text.utf8.count <= 100 else { return false }
        let isToken = { (part: Substring.UTF8View) in
            !part.isEmpty && part.allSatisfy { $0.isASCIIAlphanumeric || Array(".+-_".utf8).contains($0) }
        }
        return isToken(parts[0]) && (isToken(parts[1]) || parts[1].elementsEqual([ASCII.star]))
    }
}
