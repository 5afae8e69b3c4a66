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

    /// Where a program that registers itself (RFC 7591) signs people in without seeing their password.
    package struct SignIn: Hashable, Sendable {
        /// `https://` and a host.
        let issuer: String
        let authorization: String
        let token: String
        /// What it asks for, between blanks.
        let scope: String
        package init(issuer: String, authorization: String, token: String, scope: String) {
            self.issuer = issuer
            self.authorization = authorization
            self.token = token
            self.scope = scope
        }
    }

    package let domain: String
    package let host: MailHost
    private let signIn: SignIn?

    /// - Parameter signIn: nil: by password alone.
    package init(domain: String, host: MailHost, signIn: SignIn? = nil) {
        (self.domain, self.host, self.signIn) = (domain, host, signIn)
    }

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
    /// Programs take the first `authentication` that they know; where `oAuth2` leads, draft-ietf-mailmaint-autoconfig says.
    ///
    /// - Parameter address: whom it is for; nil leaves the program's own placeholder.
    package func thunderbird(for address: EmailAddress?) -> String {
        let user = XMLText.escaped(address?.description ?? "%EMAILADDRESS%")
        let name = XMLText.escaped(domain)
        let methods = (signIn == nil ? [] : ["OAuth2"]) + ["password-cleartext"]
        let authentication = methods.map { "      <authentication>\($0)</authentication>" }.joined(separator: "\n")
        func server(_ element: String, _ server: Server) -> String {
            """
                <\(element) type="\(server.service)">
                  <hostname>\(XMLText.escaped(host.name))</hostname>
                  <port>\(server.port)</port>
                  <socketType>\(server.isImplicitTLS ? "SSL" : "STARTTLS")</socketType>
            \(authentication)
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
              </emailProvider>\(signInElement)
            </clientConfig>

            """
    }

    /// The issuer by its host, as programs look for one that they know, or for its metadata (RFC 8414 §3).
    private var signInElement: String {
        guard let signIn else { return "" }
        let host = signIn.issuer.utf8.split(separator: 47).last.map { String(decoding: $0, as: UTF8.self) } ?? ""
        return """

              <oAuth2>
                <issuer>\(XMLText.escaped(host))</issuer>
                <scope>\(XMLText.escaped(signIn.scope))</scope>
                <authURL>\(XMLText.escaped(signIn.authorization))</authURL>
                <tokenURL>\(XMLText.escaped(signIn.token))</tokenURL>
              </oAuth2>
            """
    }
}
