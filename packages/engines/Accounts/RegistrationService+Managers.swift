import Logging
import MailModel
import MailPorts

extension RegistrationService {
    private static let day: Int64 = 86_400

    /// Mails those who decide that one waits: the organisation's owners, or its administrators where it has none.
    ///
    /// So many a day for one domain; a mail that is not sent undoes nothing, as the list has every one that waits.
    func tellManagers(of waiting: Registration, in organisation: OrganisationID, _ now: Timestamp) async {
        let domain = waiting.address.domain
        guard await applicants.mayTell(of: domain, atMost: limits.managerMails, inSeconds: Self.day, now) else {
            return
        }
        let text = """
            \(waiting.contact) wants to have the account \(waiting.address)\(waiting.displayName.utf8.isEmpty ? "" : " (\(waiting.displayName))").

            The contact is proved. Approve or refuse registration \(waiting.id) within \(limits.decisionSeconds / Self.day) days; after that it is forgotten.
            """
        for manager in await managers(of: organisation) {
            await applicants.tell(manager.primaryAddress, from: domain, "A registration on \(domain) waits", text, now)
        }
    }

    private func managers(of organisation: OrganisationID) async -> [Account] {
        do throws(StoreError) {
            return try await people.responsible(for: organisation, limit: RegistrationLimits.managersTold)
        } catch {
            applicants.logger.notice("who manages was not found", metadata: ["error": "\(error)"])
        }
        return []
    }
}
