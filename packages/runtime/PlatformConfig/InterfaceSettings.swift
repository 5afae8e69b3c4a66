package import MailModel

/// How the HTTP interface treats its clients.
///
/// In the order that `config list` shows.
package struct InterfaceSettings: Sendable {
    package let httpBodyTimeout = Setting.duration(
        "OONRUMAIL_HTTP_BODY_TIMEOUT",
        .http,
        .seconds(30),
        .seconds(1) ... .seconds(3_600),
        "Time that the whole body of a request has to arrive"
    )
    package let httpMaxConnections = Setting.integer(
        "OONRUMAIL_HTTP_MAX_CONNECTIONS",
        .http,
        1_000,
        1...100_000,
        "HTTP connections that are open at once; further ones wait"
    )
    package let httpRateAccount = Setting.integer(
        "OONRUMAIL_HTTP_RATE_ACCOUNT",
        .http,
        3_000,
        0...10_000_000,
        "API requests of one account in a minute; 0 for no limit"
    )
    package let httpRateAddress = Setting.integer(
        "OONRUMAIL_HTTP_RATE_ADDRESS",
        .http,
        6_000,
        0...10_000_000,
        "HTTP requests of one client address in a minute, health and metrics apart; 0 for no limit"
    )
    package let httpRateExempt = Setting.networks(
        "OONRUMAIL_HTTP_RATE_EXEMPT",
        .http,
        [],
        "Networks whose requests are not counted by address: front ends that many people come through"
    )
    package let httpCrossOrigins = Setting.origins(
        "OONRUMAIL_HTTP_CORS_ORIGINS",
        .http,
        "Origins whose pages may use the API in a browser, such as https://mail.example.test; none by default"
    )
    package let httpRequiresMatch = Setting.boolean(
        "OONRUMAIL_HTTP_REQUIRE_IF_MATCH",
        .http,
        false,
        "Refuse changes by PUT and PATCH that do not say by If-Match what they change"
    )
    package let idempotencyLifetime = Setting.duration(
        "OONRUMAIL_IDEMPOTENCY_LIFETIME",
        .http,
        .seconds(86_400),
        .seconds(60) ... .seconds(2_592_000),
        "How long the answer to a request with an Idempotency-Key is kept"
    )
    package let idempotencyKeys = Setting.integer(
        "OONRUMAIL_IDEMPOTENCY_KEYS",
        .http,
        10_000,
        1...10_000_000,
        "Requests with an Idempotency-Key that are kept of one account"
    )
}

extension Setting where Value == [String] {
    /// RFC 6454 §6.2: scheme, host, and a port that is not the scheme's own; as browsers send it.
    static func origins(_ name: String, _ group: SettingGroup, _ meaning: String) -> Setting {
        Setting(
            name,
            group,
            standard: [],
            allowed: "origins between commas, such as https://mail.example.test or http://127.0.0.1:3000, or none",
            meaning: meaning,
            parse: { text in text == "none" ? [] : SettingText.each(of: text, origin) },
            format: { $0.isEmpty ? "none" : $0.joined(separator: ",") }
        )
    }

    private static func origin(_ text: String) -> String? {
        let schemes = [("https://", ":443"), ("http://", ":80")]
        guard let (scheme, own) = schemes.first(where: { text.utf8.starts(with: $0.0.utf8) }) else { return nil }
        let place = String(decoding: text.utf8.dropFirst(scheme.utf8.count), as: UTF8.self)
        guard HostPort(place, defaultPort: 1) != nil, !text.utf8.reversed().starts(with: own.utf8.reversed()),
            place.utf8.allSatisfy({
                (48...57).contains($0) || (97...122).contains($0) || [45, 46, 58, 91, 93].contains($0)
            })
        else { return nil }
        return text
    }
}
