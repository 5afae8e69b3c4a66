import IMAPWire
import MailModel
import MailPorts
import MailboxEngine

/// RFC 9208: one quota root for an account, the empty name for one's own; who may change it does so elsewhere.
///
/// The root of another account is the name above its mailboxes, for those who may read one of them.
extension CommandRun {
    /// RFC 9208 §4.1.1.
    func getQuota(_ root: [UInt8]) async throws(CommandFailure) -> Completion {
        guard !root.isEmpty else {
            try await writeQuota("", of: account)
            return .ok("GETQUOTA completed")
        }
        let missing = CommandFailure.no(code: "NONEXISTENT", "There is no such quota root")
        guard let name = MailboxName(wire: root, isUTF8: session.isUTF8), let shared = SharedName(name.text),
            shared.mailbox == nil
        else { throw missing }
        let places = try await attempt { () throws(StoreError) in try await access.sharedMailboxes() }
        let owner = places.first {
            $0.shared?.namespace == shared.namespace && $0.shared?.owner == shared.owner
                && MailboxOperation.quota.isAllowed(by: $0.rights)
        }?.owner
        guard let owner else { throw missing }
        try await writeQuota(name.text, of: owner)
        return .ok("GETQUOTA completed")
    }

    /// RFC 9208 §4.1.2.
    func getQuotaRoot(_ name: String) async throws(CommandFailure) -> Completion {
        let place = try await permitted { () throws(AccessFailure) in try await access.find(name, to: .quota) }
        let root = place.shared.map { SharedName($0.namespace, $0.owner, nil).text } ?? ""
        out.text("* QUOTAROOT ")
        out.mailbox(place.name)
        out.text(" ")
        out.mailbox(root)
        out.line()
        try await writeQuota(root, of: place.owner)
        return .ok("GETQUOTAROOT completed")
    }

    private func writeQuota(_ root: String, of owner: AccountID) async throws(CommandFailure) {
        let standing = try await attempt { () throws(StoreError) in
            try await services.quotas.quota(of: .account(owner))
        }
        var resources: [String] = []
        // RFC 9208 §5.1: STORAGE counts units of 1024 octets; what is used of one counts whole.
        if let limit = standing.limits.hardBytes {
            resources.append("STORAGE \((standing.usedBytes + 1_023) / 1_024) \(limit / 1_024)")
        }
        if let limit = standing.limits.hardMessages {
            resources.append("MESSAGE \(standing.usedMessages) \(limit)")
        }
        out.text("* QUOTA ")
        out.mailbox(root)
        out.text(" (\(resources.joined(separator: " ")))\r\n")
    }

    /// Octets of messages with `\Deleted`, where a client asks for them (RFC 9208 §4.1.4); nil when it does not.
    func deletedStorage(
        of place: MailboxPlace,
        _ items: [StatusItem]
    ) async throws(CommandFailure) -> Int? {
        guard items.contains(.deletedStorage) else { return nil }
        guard place.record.deleted > 0 else { return 0 }
        let entries = try await permitted { () throws(AccessFailure) in try await access.entries(of: place) }
        return entries.reduce(0) { $0 + ($1.flags.contains(.deleted) ? $1.size : 0) }
    }
}
