import Accounts
import ArgumentParser
import MailModel
import MailPorts
import ServiceHost
import Telemetry

/// A signature in files.
struct SignatureOptions: ParsableArguments {
    @Option(name: .long, help: "The file with the signature as text in UTF-8; - for standard input.") var text: String?
    @Option(name: .long, help: "The file with the signature as HTML.") var html: String?

    /// nil when neither is given.
    func read() throws -> MailSignature? {
        guard text != nil || html != nil else { return nil }
        return MailSignature(
            text: try text.map { try Self.read($0, atMost: SignatureLimits.text) },
            html: try html.map { try Self.read($0, atMost: SignatureLimits.html) }
        )
    }

    private static func read(_ path: String, atMost limit: Int) throws -> String {
        guard let text = String(validating: try InputFile.read(path, atMost: limit), as: UTF8.self) else {
            throw ValidationError("the signature is not UTF-8")
        }
        return text
    }
}

/// A signature that is given, or taken away.
struct SignatureChangeOptions: ParsableArguments {
    enum Change {
        case keep
        case set(MailSignature)
        case takeAway
    }

    @OptionGroup var signature: SignatureOptions
    @Flag(name: .long, help: "Take the signature away.") var withoutSignature = false

    func read() throws -> Change {
        switch (try signature.read(), withoutSignature) {
        case (nil, false): .keep
        case (nil, true): .takeAway
        case (let given?, false): .set(given)
        case (_?, true): throw ValidationError("a signature is given or taken away, not both")
        }
    }
}

extension IdentityCommand {
    struct Person: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What an account writes with unless it is said otherwise; options change it."
        )
        @OptionGroup var whose: Whose
        @Option(name: .long, help: "The address to write with.") var `default`: EmailAddress?
        @OptionGroup var signature: SignatureChangeOptions

        func run() async throws {
            let change = try signature.read()
            try await whose.with { service, account, now in
                var settings = try await service.book(of: account).composing
                let before = settings
                settings.defaultAddress = self.default ?? settings.defaultAddress
                switch change {
                case .keep: ()
                case .set(let given): settings.signature = given
                case .takeAway: settings.signature = nil
                }
                if settings != before {
                    try await service.set(settings, for: account, by: .commandLine, now: now)
                }
                let known = ComposingDocument(try await service.book(of: account))
                try whose.options.show(
                    known,
                    "Default: \(known.default ?? "none")\nSignature: \(known.signature == nil ? "none" : "set")"
                )
            }
        }
    }

    struct Domain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The signature of a domain; options change it. {name} and {email} stand for who writes."
        )
        @Argument(help: "The domain.") var domain: String
        @OptionGroup var signature: SignatureChangeOptions
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let change = try signature.read()
            try await options.withPorts("domain \(domain)") { ports in
                let store = try await ports.stores.identities()
                let audit = AuditEvent(
                    at: ports.stores.clock().now(),
                    actor: "cli",
                    action: "domain.signature",
                    subject: EmailAddress.lowercased(domain)
                )
                switch change {
                case .keep: ()
                case .set(let given):
                    let kept = try SignatureRules.checked(given, takesPlaceholders: true)
                    try await store.setSignature(kept, ofDomain: domain, audit: audit)
                case .takeAway: try await store.setSignature(nil, ofDomain: domain, audit: audit)
                }
                guard let known = try await store.signature(ofDomain: domain) else {
                    return try options.show(SignatureDocument(MailSignature()), "\(domain) has no signature.")
                }
                try options.show(SignatureDocument(known), known.text ?? known.html ?? "")
            }
        }
    }
}
