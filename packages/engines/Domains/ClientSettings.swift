package import MailModel

/// How a mail program reaches the mail of a hosted domain, in the forms in which programs ask for it.
///
/// The user name is the whole address; whether the address exists is not told.
package struct ClientSettings: Sendable {
    /// A service, its port and whether TLS begins with the first octet or by STARTTLS.
    struct Server: Sendable {
        let service: String
        let port: UInt16
        let isImplicitTLS: Bool
    }

    package let domain: String
    package let host: MailHost

    package init(domain: String, host: MailHost) { (self.domain, self.host) = (domain, host) }

    /// Where mail is read, TLS from the first octet before STARTTLS (RFC 8314 §3).
    var incoming: [Server] {
        [
            host.imapsPort.map { Server(service: "imap", port: $0, isImplicitTLS: true) },
            host.imapPort.map { Server(service: "imap", port: $0, isImplicitTLS: false) },
        ].compactMap { $0 }
    }

    /// Where mail is submitted.
    var outgoing: [Server] {
        [
            host.submissionsPort.map { Server(service: "smtp", port: $0, isImplicitTLS: true) },
            host.submissionPort.map { Server(service: "smtp", port: $0, isImplicitTLS: false) },
        ].compactMap { $0 }
    }

    /// The answer to Thunderbird and those that ask like it (clientConfig 1.1, as Mozilla's documents describe it).
    ///
    /// - Parameter address: whom it is for; nil leaves the program's own placeholder.
    package func thunderbird(for address: EmailAddress?) -> String {
        let user = XMLText.escaped(address?.description ?? "%EMAILADDRESS%")
        let name = XMLText.escaped(domain)
        func server(_ element: String, _ server: Server) -> String {
            """
                <\(element) type="\(server.service)">
                  <hostname>\(XMLText.escaped(host.name))</hostname>
                  <port>\(server.port)</port>
                  <socketType>\(server.isImplicitTLS ? "SSL" : "STARTTLS")</socketType>
                  <authentication>password-cleartext</authentication>
                  <username>\(user)</username>
                </\(element)>
            """
        }
        let servers = incoming.map { server("incomingServer", $0) } + outgoing.map { server("outgoingServer", $0) }
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <clientConfig version="1.1">
              <emailProvider id="\(name)">
                <domain>\(name)</domain>
                <displayName>\(name)</displayName>
                <displayShortName>\(name)</displayShortName>
            \(servers.joined(separator: "\n"))
              </emailProvider>
            </clientConfig>

            """
    }
}
