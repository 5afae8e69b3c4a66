package import MailModel

/// Outlook's Autodiscover: a document is posted, a document comes back ([MS-OXDSCLI]).
extension ClientSettings {
    private static let responseSchema =
        "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"

    /// What a program asks for.
    package struct OutlookQuestion: Sendable {
        package let address: EmailAddress
        /// Whether it is IMAP and SMTP that it asks about, not Exchange's own protocol for telephones.
        package let asksForMail: Bool

        /// nil for what is no such document, or names no address.
        package init?(document: [UInt8]) {
            guard let content = XMLText.content(of: "EMailAddress", in: document),
                let address = EmailAddress(String(decoding: content, as: UTF8.self))
            else { return nil }
            self.address = address
            let schema = XMLText.content(of: "AcceptableResponseSchema", in: document)
            asksForMail = schema.map { $0.elementsEqual(ClientSettings.responseSchema.utf8) } ?? true
        }
    }

    package func outlook(for address: EmailAddress) -> String {
        func server(_ type: String, _ server: Server) -> String {
            """
                  <Protocol>
                    <Type>\(type)</Type>
                    <Server>\(XMLText.escaped(host.name))</Server>
                    <Port>\(server.port)</Port>
                    <LoginName>\(XMLText.escaped(address.description))</LoginName>
                    <DomainRequired>off</DomainRequired>
                    <SPA>off</SPA>
                    <SSL>on</SSL>
                    <Encryption>\(server.isImplicitTLS ? "SSL" : "TLS")</Encryption>
                    <AuthRequired>on</AuthRequired>
                  </Protocol>
            """
        }
        // One of each: the program takes the first.
        let servers =
            incoming.prefix(1).map { server("IMAP", $0) } + outgoing.prefix(1).map { server("SMTP", $0) }
        return """
            <?xml version="1.0" encoding="utf-8"?>
            <Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
              <Response xmlns="\(Self.responseSchema)">
                <User><DisplayName>\(XMLText.escaped(address.description))</DisplayName></User>
                <Account>
                  <AccountType>email</AccountType>
                  <Action>settings</Action>
            \(servers.joined(separator: "\n"))
                </Account>
              </Response>
            </Autodiscover>

            """
    }

    /// What a program reads that asked for something else: code 600 is an invalid request, 601 a schema that is not offered.
    package static func outlookRefusal(code: Int, _ message: String) -> String {
        """
        <?xml version="1.0" encoding="utf-8"?>
        <Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
          <Response>
            <Error Time="00:00:00.0000000" Id="0"><ErrorCode>\(code)</ErrorCode><Message>\(XMLText.escaped(message))</Message><DebugData/></Error>
          </Response>
        </Autodiscover>

        """
    }
}
