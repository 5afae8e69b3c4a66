package import MailModel

/// What the process is, where it listens and by which certificate.
///
/// In the order that `config list` shows.
package struct ListenerSettings: Sendable {
    package let production = Setting.boolean(
        "OONRUMAIL_PRODUCTION",
        .general,
        false,
        "Take the well-known ports and listen on every address; same as --production"
    )
    package let data = Setting.path(
        "OONRUMAIL_DATA",
        .general,
        "./data",
        "Folder of the store, its keys and the certificate"
    )
    package let configuredHostname = Setting.optionalDomain(
        "OONRUMAIL_HOSTNAME",
        .general,
        "Name in greetings, Received and Message-ID; the machine's name by default"
    )
    package let bootstrapAdmin = Setting.optionalAddress(
        "OONRUMAIL_BOOTSTRAP_ADMIN",
        .general,
        "First start: address of the administrator made with its organisation and domain"
    )
    package let bootstrapPassword = Setting.secret(
        "OONRUMAIL_BOOTSTRAP_PASSWORD",
        .general,
        "First start: the administrator's password; a random one is printed when it is missing"
    )
    package let shutdownGrace = Setting.duration(
        "OONRUMAIL_SHUTDOWN_GRACE",
        .general,
        .seconds(25),
        .zero ... .seconds(600),
        "How long a stop waits for what runs"
    )

    package let bindAddresses = Setting.addresses(
        "OONRUMAIL_BIND_ADDRESS",
        .listeners,
        ["127.0.0.1"],
        production: ["0.0.0.0"],
        "Addresses that SMTP and IMAP listen on"
    )
    package let smtpAddresses = Setting.addresses(
        "OONRUMAIL_SMTP_ADDRESS",
        .listeners,
        [],
        "Addresses of the SMTP listener, when other than OONRUMAIL_BIND_ADDRESS"
    )
    package let submissionAddresses = Setting.addresses(
        "OONRUMAIL_SUBMISSION_ADDRESS",
        .listeners,
        [],
        "Addresses of the submission listener, when other"
    )
    package let submissionsAddresses = Setting.addresses(
        "OONRUMAIL_SUBMISSIONS_ADDRESS",
        .listeners,
        [],
        "Addresses of the submission listener under TLS, when other"
    )
    package let imapAddresses = Setting.addresses(
        "OONRUMAIL_IMAP_ADDRESS",
        .listeners,
        [],
        "Addresses of the IMAP listener, when other"
    )
    package let imapsAddresses = Setting.addresses(
        "OONRUMAIL_IMAPS_ADDRESS",
        .listeners,
        [],
        "Addresses of the IMAP listener under TLS, when other"
    )
    package let httpAddresses = Setting.addresses(
        "OONRUMAIL_HTTP_ADDRESS",
        .listeners,
        ["127.0.0.1"],
        "Address of the HTTP listener; it speaks clear text: put a TLS proxy before it"
    )
    package let proxyNetworks = Setting.networks(
        "OONRUMAIL_PROXY_NETWORKS",
        .listeners,
        [],
        "Load balancers before the mail ports: their connections begin with a PROXY header (version 1 or 2)"
    )
    package let smtpPort = Setting.port("OONRUMAIL_SMTP_PORT", 2525, production: 25, "Mail from other servers")
    package let submissionPort = Setting.port(
        "OONRUMAIL_SUBMISSION_PORT",
        2587,
        production: 587,
        "Mail from own users, STARTTLS"
    )
    package let submissionsPort = Setting.port(
        "OONRUMAIL_SUBMISSIONS_PORT",
        2465,
        production: 465,
        "Mail from own users, TLS from the first byte"
    )
    package let imapPort = Setting.port("OONRUMAIL_IMAP_PORT", 2143, production: 143, "IMAP, STARTTLS")
    package let imapsPort = Setting.port("OONRUMAIL_IMAPS_PORT", 2993, production: 993, "IMAP, TLS from the first byte")
    package let httpPort = Setting.port("OONRUMAIL_HTTP_PORT", 8080, "Health, metrics and the API")

    package let tlsCertificate = Setting.optionalPath(
        "OONRUMAIL_TLS_CERTIFICATE",
        .tls,
        "PEM file with the certificate chain; a self-signed one is made in the data folder when missing"
    )
    package let tlsKey = Setting.optionalPath("OONRUMAIL_TLS_KEY", .tls, "PEM file with the certificate's private key")
    package let plaintextAuthOnLoopback = Setting.boolean(
        "OONRUMAIL_PLAINTEXT_AUTH_ON_LOOPBACK",
        .tls,
        false,
        "Take passwords without TLS from loopback clients; for tests"
    )
}
