package import MailPorts

/// One of the two selectors of each algorithm that a domain points to the operator's zone once and for good.
///
/// Rotation alternates between the two, so that the key before stays where it is until its grace is over.
package struct FixedSelector: Hashable, Sendable {
    package let name: String
    package let algorithm: DKIMKey.Algorithm

    private init(_ algorithm: DKIMKey.Algorithm, _ letter: String) {
        self.algorithm = algorithm
        let prefix =
            switch algorithm {
            case .rsaSHA256: "rsa"
            case .ed25519SHA256: "ed"
            }
        name = "oon-\(prefix)-\(letter)"
    }

    /// nil: the key has a selector of its own.
    package init?(_ key: DKIMKey) {
        guard let found = Self.all(of: key.algorithm).first(where: { $0.name == key.selector }) else { return nil }
        self = found
    }

    package static func all(of algorithm: DKIMKey.Algorithm) -> [FixedSelector] {
        [FixedSelector(algorithm, "a"), FixedSelector(algorithm, "b")]
    }

    /// The name in the operator's zone that the domain's selector is an alias of.
    package func target(of domain: String, in zone: String) -> String { "\(name).\(domain).\(zone)" }
}
