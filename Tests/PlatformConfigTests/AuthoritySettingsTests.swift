import PlatformConfig
import Testing

@Suite("Settings of the authority that certificates are ordered from") struct AuthoritySettingsTests {
    private static let agreed = ["OONRUMAIL_ACME_TERMS_AGREED": "true"]
    private static let directory = "OONRUMAIL_ACME_DIRECTORY"
    private static let challenge = "OONRUMAIL_ACME_CHALLENGE"
    private static let port = "OONRUMAIL_ACME_TLS_ALPN_PORT"
    private static let ordered = agreed.merging([directory: "letsencrypt"]) { $1 }

    @Test(
        "what does not go together is one line",
        arguments: [
            ClusterRow([:]),
            ClusterRow(agreed.merging([directory: "letsencrypt"]) { $1 }),
            ClusterRow(agreed.merging([directory: "https://ca.example.test/dir"]) { $1 }),
            ClusterRow([directory: "letsencrypt"], "OONRUMAIL_ACME_DIRECTORY needs OONRUMAIL_ACME_TERMS_AGREED"),
            ClusterRow(agreed.merging([directory: "http://ca.example.test/dir"]) { $1 }, "OONRUMAIL_ACME_DIRECTORY is"),
            ClusterRow(agreed.merging([directory: "ca.example.test"]) { $1 }, "OONRUMAIL_ACME_DIRECTORY is"),
            ClusterRow(
                agreed.merging([directory: "letsencrypt", "POSTGRES_HOST": "db", "POSTGRES_PASSWORD": "hush"]) { $1 },
                "OONRUMAIL_ACME_DIRECTORY is for one machine"
            ),
            ClusterRow(
                agreed.merging([
                    directory: "letsencrypt", "OONRUMAIL_TLS_CERTIFICATE": "/c.pem", "OONRUMAIL_TLS_KEY": "/k.pem",
                ]) { $1 },
                "OONRUMAIL_ACME_DIRECTORY and OONRUMAIL_TLS_CERTIFICATE do not go together"
            ),
            ClusterRow(ordered.merging([challenge: "tls-alpn-01", port: "443"]) { $1 }),
            ClusterRow(ordered.merging([challenge: "any", port: "10443"]) { $1 }),
            ClusterRow(ordered.merging([challenge: "any"]) { $1 }, "OONRUMAIL_ACME_CHALLENGE is 'any' but"),
            ClusterRow(ordered.merging([challenge: "tls-alpn-01", port: "0"]) { $1 }, "OONRUMAIL_ACME_CHALLENGE is"),
            ClusterRow(ordered.merging([challenge: "dns-01"]) { $1 }, "OONRUMAIL_ACME_CHALLENGE is"),
            ClusterRow(
                ordered.merging([port: "443"]) { $1 },
                "OONRUMAIL_ACME_TLS_ALPN_PORT needs OONRUMAIL_ACME_CHALLENGE"
            ),
            ClusterRow([port: "443"], "OONRUMAIL_ACME_TLS_ALPN_PORT needs OONRUMAIL_ACME_DIRECTORY"),
            ClusterRow(
                ordered.merging([challenge: "any", port: "8080"]) { $1 },
                "OONRUMAIL_ACME_TLS_ALPN_PORT is '8080' but OONRUMAIL_HTTP_PORT has that port already"
            ),
        ]
    )
    func together(row: ClusterRow) {
        var problems: [String] = []
        do {
            _ = try PlatformSettings.load(
                SettingSources(environment: row.given.merging(["OONRUMAIL_ENV_FILE": ""]) { $1 })
            )
        } catch {
            problems = error.problems
        }
        #expect(problems.count == (row.problem == nil ? 0 : 1))
        if let problem = row.problem { #expect(problems.first?.hasPrefix(problem) == true) }
    }

    @Test func namesAreTheHostNameByDefault() throws {
        func names(_ given: [String: String]) throws -> [String] {
            var all = given.merging(Self.agreed) { $1 }
            (all["OONRUMAIL_ENV_FILE"], all["OONRUMAIL_HOSTNAME"], all[Self.directory]) = (
                "", "mail.shop.test", "letsencrypt"
            )
            let settings = try PlatformSettings.load(SettingSources(environment: all))
            #expect(settings.acmeDirectory?.hasPrefix("https://acme-v02.") == true)
            return settings.orderedNames
        }
        #expect(try names([:]) == ["mail.shop.test"])
        #expect(
            try names(["OONRUMAIL_ACME_HOSTS": "Mail.shop.test,imap.shop.test"]) == [
                "mail.shop.test", "imap.shop.test",
            ]
        )
    }
}
