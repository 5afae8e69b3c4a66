import MailModel

/// A parsed message as the dump shows it.
struct MessageInspection {
    let summary: MessageSummary
    let envelope: String
    let bodyStructure: String
    let body: String

    init(_ bytes: [UInt8]) {
        summary = MessageSummary()
        envelope = ""
        bodyStructure = ""
        body = ""
    }
}
