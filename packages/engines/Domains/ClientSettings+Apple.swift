import MailCrypto
package import MailModel

/// A configuration profile for iOS and macOS, with one mail account; the password is asked when it is installed.
extension ClientSettings {
    /// The same address gets the same identifiers, so that a newer profile replaces the older one.
    package func appleProfile(for address: EmailAddress) -> String? {
        guard let incoming = incoming.first, let outgoing = outgoing.first else { return nil }
        let user = XMLText.escaped(address.description)
        let reverse = domain.utf8.split(separator: 46).reversed().map { String(decoding: $0, as: UTF8.self) }
        let identifier = XMLText.escaped(reverse.joined(separator: ".") + ".mail")
        func string(_ key: String, _ value: String) -> String { "<key>\(key)</key><string>\(value)</string>" }
        func server(_ direction: String, _ server: Server) -> String {
            """
                  <key>\(direction)MailServerAuthentication</key><string>EmailAuthPassword</string>
                  \(string("\(direction)MailServerHostName", XMLText.escaped(host.name)))
                  <key>\(direction)MailServerPortNumber</key><integer>\(server.port)</integer>
                  <key>\(direction)MailServerUseSSL</key><true/>
                  \(string("\(direction)MailServerUsername", user))
            """
        }
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
            <plist version="1.0">
            <dict>
              <key>PayloadContent</key>
              <array>
                <dict>
                  \(string("EmailAccountDescription", user))
                  \(string("EmailAccountType", "EmailTypeIMAP"))
                  \(string("EmailAddress", user))
            \(server("Incoming", incoming))
            \(server("Outgoing", outgoing))
                  <key>OutgoingPasswordSameAsIncomingPassword</key><true/>
                  \(string("PayloadDisplayName", user))
                  \(string("PayloadIdentifier", "\(identifier).account"))
                  \(string("PayloadType", "com.apple.mail.managed"))
                  \(string("PayloadUUID", Self.identifier("account", address)))
                  <key>PayloadVersion</key><integer>1</integer>
                </dict>
              </array>
              \(string("PayloadDisplayName", "Mail for \(user)"))
              \(string("PayloadIdentifier", identifier))
              \(string("PayloadOrganization", XMLText.escaped(domain)))
              <key>PayloadRemovalDisallowed</key><false/>
              \(string("PayloadType", "Configuration"))
              \(string("PayloadUUID", Self.identifier("profile", address)))
              <key>PayloadVersion</key><integer>1</integer>
            </dict>
            </plist>

            """
    }

    /// A name-based UUID of version 8 (RFC 9562 §5.8).
    private static func identifier(_ kind: String, _ address: EmailAddress) -> String {
        var bytes = Array(SHA256.hash(Array("\(kind) \(address.canonical)".utf8)).prefix(16))
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        let digits = Array("0123456789ABCDEF".utf8)
        var text: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(index) { text.append(UInt8(ascii: "-")) }
            text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
        return String(decoding: text, as: UTF8.self)
    }
}
