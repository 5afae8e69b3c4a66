import MailModel
import MailPorts

/// From attributes of an entry to a person of the domain.
struct LDAPReading: Sendable {
    let source: LDAPSource
    let domain: String

    /// What is asked for: never a password.
    var attributes: [String] {
        var names: [String] = []
        let wanted =
            [
                source.addressAttribute, source.nameAttribute, source.languageAttribute, source.quotaAttribute,
                source.disabledAttribute, source.idAttribute,
            ]
            .compactMap { $0 } + source.aliasAttributes
        for name in wanted where !names.contains(name) { names.append(name) }
        return names
    }

    /// nil for who has no address of the domain, or not the one that was asked for.
    func entry(_ found: LDAPSession.Entry, asked: EmailAddress?) -> DirectoryEntry? {
        let main = found.texts(source.addressAttribute).compactMap(address)
        let others = source.aliasAttributes.flatMap(found.texts).compactMap(address)
        let all = main + others
        if let asked, !all.contains(where: { $0.canonical == asked.canonical }) { return nil }
        guard let first = all.first else { return nil }
        var entry = DirectoryEntry(key: found.name, address: first)
        if let values = found.values[source.idAttribute], values.count == 1 {
            entry.identity = DirectoryText.identity(values[0])
        }
        var seen: Set<String> = [first.canonical]
        entry.aliases = all.dropFirst().filter { seen.insert($0.canonical).inserted }
        entry.name = DirectoryText.name(found.texts(source.nameAttribute).first)
        entry.language = source.languageAttribute.flatMap { DirectoryText.language(found.texts($0).first) }
        entry.quotaBytes = source.quotaAttribute.flatMap { DirectoryText.quota(found.texts($0).first) }
        if let disabled = source.disabledAttribute {
            entry.isDisabled = DirectoryText.isDisabled(disabled, found.texts(disabled))
        }
        return entry
    }

    /// Of this domain only: whatever else an entry has is another's.
    ///
    /// `smtp:` before it is Active Directory's.
    private func address(_ value: String) -> EmailAddress? {
        let bytes = value.utf8
        let isMarked = EmailAddress.lowercased(String(decoding: bytes.prefix(5), as: UTF8.self)) == "smtp:"
        let text = isMarked ? String(decoding: bytes.dropFirst(5), as: UTF8.self) : value
        guard let address = EmailAddress(text), address.domain == domain else { return nil }
        return address
    }
}
