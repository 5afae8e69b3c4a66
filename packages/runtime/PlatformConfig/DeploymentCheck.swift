/// One line of the checklist before a deployment.
package struct DeploymentCheck: Equatable, Sendable {
    package enum Outcome: String, Sendable {
        case good
        /// Works, but an operator should know.
        case warning
        case bad
        /// Not set up, so there is nothing to try.
        case absent
    }

    package var name: String
    package var outcome: Outcome
    /// For the operator; holds no secret.
    package var detail: String

    package init(_ name: String, _ outcome: Outcome, _ detail: String = "") {
        (self.name, self.outcome, self.detail) = (name, outcome, detail)
    }
}

/// How hard the secrets of the settings are to guess.
package enum SecretStrength {
    /// Shorter ones are weak: 16 octets of base64 or hexadecimal digits hold 64 bits or more.
    package static let minimumLength = 16
    /// Fewer different octets are a pattern.
    package static let minimumVariety = 8
    /// What examples and hurry leave behind, in lower case.
    private static let placeholders = [
        "changeme", "change-me", "password", "secret", "example", "placeholder", "123456",
    ]

    /// Why the secret is weak; nil when it is not.
    package static func weakness(of secret: String) -> String? {
        let octets = Array(secret.utf8)
        if octets.count < minimumLength { return "has \(octets.count) octets, \(minimumLength) at least" }
        if Set(octets).count < minimumVariety { return "repeats few octets" }
        let lower = octets.map { (65...90).contains($0) ? $0 + 32 : $0 }
        for word in placeholders where lower.starts(with: word.utf8) {
            return "begins with a word that others try first"
        }
        return nil
    }
}

extension PlatformSettings {
    /// One check for each secret that is set.
    package var secretChecks: [DeploymentCheck] {
        let secrets: [(String, String?)] = [
            ("POSTGRES_PASSWORD", self.postgresPassword?.text), ("REDIS_PASSWORD", self.redisPassword?.text),
            ("S3_SECRET_ACCESS_KEY", self.s3SecretAccessKey?.text),
            ("OPENSEARCH_PASSWORD", self.openSearchPassword?.text),
            ("OONRUMAIL_BOOTSTRAP_PASSWORD", self.bootstrapPassword?.text),
            ("OONRUMAIL_SMART_HOST_PASSWORD", self.smartHostPassword?.text),
        ]
        return secrets.compactMap { name, value in
            guard let value else { return nil }
            return SecretStrength.weakness(of: value).map { DeploymentCheck(name, .bad, $0) }
                ?? DeploymentCheck(name, .good)
        }
    }
}
