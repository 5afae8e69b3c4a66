import MailModel
import MailPorts

/// Makes rows of a table what the store takes; rules are those of the single changes.
struct BulkRowReader: Sendable {
    /// Octets of an address (RFC 5321 §4.5.3.1).
    private static let longestAddress = 320

    let domain: String
    let kind: BulkKind
    let limits: BulkLimits
    let addressLimits: AddressLimits

    /// An invitation is made elsewhere: `contact` is where it goes.
    func row(_ row: BulkTable.Row) throws(BulkCellFault) -> (row: BulkRow, contact: EmailAddress?) {
        let address = try address(row.cells[.address] ?? "", .address)
        guard address.domain == domain else { throw BulkCellFault(.address, "it is no address of \(domain)") }
        switch kind {
        case .accounts: return try account(address, row.cells)
        case .aliases: return (.alias(try alias(address, row.cells)), nil)
        case .lists, .masked: return (.list(try list(address, row.cells)), nil)
        }
    }

    // MARK: - Kinds

    private func account(
        _ address: EmailAddress,
        _ cells: [BulkColumn: String]
    ) throws(BulkCellFault) -> (row: BulkRow, contact: EmailAddress?) {
        var account = BulkAccount(address: address)
        if let name = cells[.displayName] { account.displayName = try text(name, .displayName) }
        if let quota = cells[.quotaBytes] { account.quotaBytes = .set(try number(quota, .quotaBytes)) }
        switch cells[.state] {
        case nil, "": ()
        case "active": account.status = .active
        case "suspended": account.status = .suspended
        default: throw BulkCellFault(.state, "a state is active or suspended")
        }
        if let tag = cells[.language] {
            guard tag.isEmpty || LanguageTag(tag) != nil else {
                throw BulkCellFault(.language, "a language is a BCP 47 tag such as de, pt-BR or zh-Hant")
            }
            account.profile.language = .set(LanguageTag(tag))
        }
        if let zone = cells[.timeZone] {
            guard zone.isEmpty || limits.isTimeZone(zone) else {
                throw BulkCellFault(.timeZone, "a time zone is a name of the IANA database such as Europe/Berlin")
            }
            account.profile.timeZone = .set(zone.isEmpty ? nil : zone)
        }
        guard let contact = cells[.contact], !contact.isEmpty else { return (.account(account), nil) }
        let place = try self.address(contact, .contact)
        guard place != address else { throw BulkCellFault(.contact, "the account's own address is read by nobody yet") }
        return (.account(account), place)
    }

    private func alias(
        _ address: EmailAddress,
        _ cells: [BulkColumn: String]
    ) throws(BulkCellFault) -> Alias {
        let alias = Alias(address: address, targets: try addresses(cells[.targets] ?? "", .targets))
        do throws(AddressError) {
            try AddressService.check(alias)
        } catch {
            throw BulkCellFault(.targets, error.text)
        }
        return alias
    }

    private func list(_ address: EmailAddress, _ cells: [BulkColumn: String]) throws(BulkCellFault) -> BulkList {
        guard AddressService.mayNameList(address) else {
            throw BulkCellFault(.address, AddressService.listNameRule)
        }
        var list = BulkList(address: address)
        if let name = cells[.name] { list.name = try text(name, .name) }
        if let rule = cells[.posting], !rule.isEmpty {
            guard let posting = PostingRule(rawValue: rule) else {
                let all = PostingRule.allCases.map(\.rawValue).joined(separator: ", ")
                throw BulkCellFault(.posting, "who may write is one of \(all)")
            }
            list.posting = posting
        }
        if let size = cells[.maximumSize] {
            let octets = try number(size, .maximumSize)
            if let octets, !AddressService.listSizes.contains(octets) {
                throw BulkCellFault(.maximumSize, AddressService.listSizeRule)
            }
            list.maximumSize = .set(octets)
        }
        list.owners = try addresses(cells, .owners, atMost: AddressLimits.owners)
        list.members = try addresses(cells, .members, atMost: addressLimits.members)
        list.senders = try addresses(cells, .senders, atMost: AddressLimits.senders)
        return list
    }

    // MARK: - Cells

    private func text(_ text: String, _ column: BulkColumn) throws(BulkCellFault) -> String {
        guard AddressService.isText(text) else {
            throw BulkCellFault(column, "at most \(AddressLimits.text) octets, without control characters")
        }
        return text
    }

    /// nil for an empty cell.
    private func number(_ text: String, _ column: BulkColumn) throws(BulkCellFault) -> Int64? {
        guard !text.isEmpty else { return nil }
        guard text.utf8.count <= 19, text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int64(text) else {
            throw BulkCellFault(column, "it takes a whole number, or nothing")
        }
        return number
    }

    private func address(_ text: String, _ column: BulkColumn) throws(BulkCellFault) -> EmailAddress {
        guard text.utf8.count <= Self.longestAddress, let address = EmailAddress(text) else {
            throw BulkCellFault(column, "this is no address")
        }
        return address
    }

    private func addresses(
        _ cells: [BulkColumn: String],
        _ column: BulkColumn,
        atMost limit: Int
    ) throws(BulkCellFault) -> [EmailAddress]? {
        guard let cell = cells[column] else { return nil }
        let found = try addresses(cell, column)
        guard found.count <= limit else { throw BulkCellFault(column, "at most \(limit) addresses") }
        return found
    }

    /// Between white space, commas or semicolons, none of which is in an address.
    private func addresses(_ cell: String, _ column: BulkColumn) throws(BulkCellFault) -> [EmailAddress] {
        var found: [EmailAddress] = []
        for part in cell.utf8.split(whereSeparator: { $0 <= 32 || $0 == 44 || $0 == 59 }) {
            found.append(try address(String(decoding: part, as: UTF8.self), column))
        }
        return found
    }
}
