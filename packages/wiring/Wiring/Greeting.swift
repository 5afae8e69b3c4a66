import MailModel
import PlatformConfig
import ServiceHost

/// What the operator reads when the platform has started.
enum Greeting {
    static func text(
        _ settings: PlatformSettings,
        _ services: [HostedService],
        administrator: (address: EmailAddress, password: String?)?
    ) -> String {
        var lines = ["", "OONRUMAIL is running as \(settings.hostname); its data is in \(settings.data).", ""]
        var endpoints = services.flatMap(\.endpoints)
        endpoints.append(
            .init(
                purpose: "Health, metrics and the API (HTTP)",
                address: "\(settings.httpAddresses.first.map(\.description) ?? "")",
                port: settings.httpPort
            )
        )
        let width = endpoints.map(\.purpose.utf8.count).max() ?? 0
        for endpoint in endpoints {
            let padding = String(repeating: " ", count: width - endpoint.purpose.utf8.count)
            lines.append("  \(endpoint.purpose)\(padding)  \(endpoint.address):\(endpoint.port)")
        }
        let user = administrator?.address.description ?? settings.bootstrapAdmin?.description ?? "you@your.domain"
        if let administrator, let password = administrator.password {
            lines += ["", "Administrator \(administrator.address), password (shown this once): \(password)"]
        }
        let has = Set(services.map(\.name))
        lines.append("")
        if has.contains("imap"), has.contains("smtp") {
            lines += [
                "Mail client:  user name \(user); IMAP port \(settings.imapsPort) with TLS; SMTP port \(settings.submissionsPort) with TLS."
            ]
        }
        if has.contains("smtp") {
            lines.append(
                "swaks:        swaks --server 127.0.0.1:\(settings.smtpPort) --from you@elsewhere.test --to \(user)"
            )
        }
        if has.contains("imap") {
            lines.append("curl:         curl -k --user \(user) imaps://127.0.0.1:\(settings.imapsPort)/INBOX")
        }
        lines += ["Health:       curl http://127.0.0.1:\(settings.httpPort)/health", ""]
        return lines.joined(separator: "\n")
    }
}
