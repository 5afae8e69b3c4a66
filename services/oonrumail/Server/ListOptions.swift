import ArgumentParser
import MailModel
import MailPorts

// Words of filters that lists take.

extension Account.Status: ExpressibleByArgument {}
extension CertificateStatus: ExpressibleByArgument {}
extension DomainListing.Status: ExpressibleByArgument {}
extension OrganisationRecord.Status: ExpressibleByArgument {}
extension Role: ExpressibleByArgument {}
extension SendingGrantKind: ExpressibleByArgument {}
extension WebhookDelivery.State: ExpressibleByArgument {}

/// A part of what the rows of a list say.
struct TextOption: ParsableArguments {
    @Option(name: .long, help: "Only those that have this in them, whatever the case of letters.") var text: String?

    /// Whether it is a part of one of these; so it is when it is not given.
    func isIn(_ texts: String...) -> Bool {
        guard let text, !text.isEmpty else { return true }
        let part = EmailAddress.lowercased(text).utf8
        return texts.contains { Array(EmailAddress.lowercased($0).utf8).contains(Array(part)) }
    }
}
