import MailModel

/// Local parts that nobody registers: who reads their mail speaks for the domain, proves that it is theirs, or is a machine.
package enum ReservedNames {
    /// RFC 2142; what certificate authorities write to (CA/Browser Forum Baseline Requirements §3.2.2.4.4); and what people take
    /// for the domain itself.
    package static let all: Set<String> = [
        "abuse", "account", "accounts", "admin", "administration", "administrator", "all", "autoconfig", "autodiscover",
        "billing", "bounce", "bounces", "ca", "caadmin", "contact", "daemon", "dmarc", "dns", "dnsadmin", "everyone",
        "ftp", "help", "helpdesk", "hostmaster", "hr", "info", "info-admin", "invoice", "invoices", "is", "it", "legal",
        "list", "listmaster", "mail", "mailer-daemon", "mailerdaemon", "mailmaster", "marketing", "mta-sts", "news",
        "no-reply", "nobody", "noc", "noreply", "notification", "notifications", "office", "operator", "owner",
        "password", "payment", "payments", "phishing", "postfix", "postmaster", "privacy", "registrar", "reply", "root",
        "sales", "sec", "security", "service", "smtp", "spam", "ssl", "ssladmin", "ssladministrator", "sslwebmaster",
        "staff", "support", "sysadmin", "system", "team", "tls-reports", "tlsrpt", "trouble", "usenet", "uucp",
        "verification", "verify", "web", "webadmin", "webmail", "webmaster", "www",
    ]

    /// Also when dots, hyphens or underscores are put between, or a digit behind.
    package static func contain(_ localPart: String) -> Bool {
        let plain = EmailAddress.lowercased(localPart)
        if all.contains(plain) { return true }
        var letters = plain.utf8.filter { ![45, 46, 95].contains($0) }
        if plainNames.contains(letters) { return true }
        while let last = letters.last, (48...57).contains(last) { letters.removeLast() }
        return plainNames.contains(letters)
    }

    private static let plainNames = Set(all.map { $0.utf8.filter { $0 != 45 } })
}
