import IMAPWire
import MailModel
import MailPorts
import MailboxEngine

/// RFC 4314: rights of mailboxes, and RFC 2342: where those of others are.
extension CommandRun {
    /// RFC 2342 §5.
    func namespace() {
        let other = SharedName.Namespace.otherUsers.prefix
        let shared = SharedName.Namespace.shared.prefix
        out.text("* NAMESPACE ((\"\" \"/\")) ((\"\(other)\" \"/\")) ((\"\(shared)\" \"/\"))\r\n")
    }

    /// RFC 4314 §3.1.
    func setACL(_ name: String, _ command: RightsCommand) async throws(CommandFailure) -> Completion {
        let mode: RightsChange.Mode =
            switch command.mode {
            case .replace: .replace
            case .add: .add
            case .remove: .remove
            }
        try await change(RightsChange(mode, command.rights), of: command.identifier, in: name)
        return .ok("SETACL completed")
    }

    /// RFC 4314 §3.2.
    func deleteACL(_ name: String, _ identifier: String) async throws(CommandFailure) -> Completion {
        try await change(RightsChange(.remove, .all), of: identifier, in: name)
        return .ok("DELETEACL completed")
    }

    private func change(
        _ change: RightsChange,
        of identifier: String,
        in name: String
    ) async throws(CommandFailure) {
        let target = try await administered(name).target
        do throws(SharingFailure) {
            _ = try await services.sharing.change(
                change,
                of: identifier,
                in: target,
                by: actor,
                now: services.clock.now()
            )
        } catch {
            throw Self.failure(error)
        }
    }

    private static func failure(_ error: SharingFailure) -> CommandFailure {
        switch error {
        case .notPermitted: CommandFailure(AccessFailure.notPermitted)
        case .refused(_, let why), .unknownIdentifier(let why): .no(code: "CANNOT", why)
        case .store(let error): .store(error)
        }
    }

    private func administered(
        _ name: String
    ) async throws(CommandFailure) -> (place: MailboxPlace, target: MailboxSharing.Target) {
        try await permitted { () throws(AccessFailure) in
            let place = try await access.find(name)
            return (place, try await services.sharing.target(place, by: access))
        }
    }

    /// RFC 4314 §3.3, §3.6.
    func getACL(_ name: String) async throws(CommandFailure) -> Completion {
        let (place, target) = try await administered(name)
        let grants = try await attempt { () throws(StoreError) in try await services.sharing.grants(target) }
        out.text("* ACL ")
        out.mailbox(place.name)
        for grant in grants {
            out.text(" ")
            out.string(Array(grant.name.utf8))
            out.text(" \(grant.rights.withVirtualRights)")
        }
        out.line()
        return .ok("GETACL completed")
    }

    /// RFC 4314 §3.4, §3.7: an owner has every right always, others each alone.
    func listRights(_ name: String, _ identifier: String) async throws(CommandFailure) -> Completion {
        let (place, target) = try await administered(name)
        let known: MailboxIdentifier
        do throws(SharingFailure) {
            known = try await services.sharing.identifier(identifier, for: target.owner).0
        } catch {
            throw Self.failure(error)
        }
        out.text("* LISTRIGHTS ")
        out.mailbox(place.name)
        out.text(" ")
        out.string(Array(identifier.utf8))
        if known == .account(target.owner.id) {
            out.text(" \(MailboxRights.all.withVirtualRights)\r\n")
        } else {
            let letters = MailboxRights.all.withVirtualRights.utf8.map { " " + String(UnicodeScalar($0)) }.joined()
            out.text(" \"\"\(letters)\r\n")
        }
        return .ok("LISTRIGHTS completed")
    }

    /// RFC 4314 §3.5, §4: for whoever may do more than hear of messages.
    func myRights(_ name: String) async throws(CommandFailure) -> Completion {
        let place = try await permitted { () throws(AccessFailure) in try await access.find(name, to: .knowRights) }
        writeRights(place)
        return .ok("MYRIGHTS completed")
    }

    /// RFC 4314 §3.8.
    func writeRights(_ place: MailboxPlace) {
        out.text("* MYRIGHTS ")
        out.mailbox(place.name)
        out.text(" \(place.rights.withVirtualRights)\r\n")
    }
}
