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

extension IdentityCommand {
    struct Person: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What an account writes with unless it is said otherwise; options change it."
        )
        @Argument(help: "An address of the account.") var account: EmailAddress
        @Option(name: .long, help: "The address to write with.") var `default`: EmailAddress?
        @OptionGroup var signature: SignatureOptions
        @Flag(name: .long, help: "Take the signature away.") var withoutSignature = false
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let given = try signature.read()
            guard given == nil || !withoutSignature else {
                throw ValidationError("a signature is given or taken away, not both")
            }
            try await IdentityCommand.with(account, options) { service, account, now in
                var settings = try await service.composing(of: account)
                if self.default != nil || given != nil || withoutSignature {
                    settings.defaultAddress = self.default ?? settings.defaultAddress
                    settings.signature = withoutSignature ? nil : given ?? settings.signature
                    settings = try await service.set(settings, for: account, by: .commandLine, now: now)
                }
                let address = try await service.book(of: account).defaultAddress
                let known = ComposingDocument(settings, effective: address)
                try options.show(
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
        @OptionGroup var signature: SignatureOptions
        @Flag(name: .long, help: "Take the signature away.") var withoutSignature = false
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let given = try signature.read()
            guard given == nil || !withoutSignature else {
                throw ValidationError("a signature is given or taken away, not both")
            }
            try await options.withPorts("domain \(domain)") { ports in
                let store = try await ports.stores.identities()
                if given != nil || withoutSignature {
                    let kept = try given.map { try SignatureRules.checked($0, takesPlaceholders: true) }
                    try await store.setSignature(
                        kept,
                        ofDomain: domain,
                        audit: AuditEvent(
                            at: ports.stores.clock().now(),
                            actor: "cli",
                            action: "domain.signature",
                            subject: EmailAddress.lowercased(domain)
                        )
                    )
                }
                guard let known = try await store.signature(ofDomain: domain) else {
                    return try options.show(SignatureDocument(MailSignature()), "\(domain) has no signature.")
                }
                try options.show(SignatureDocument(known), known.text ?? known.html ?? "")
            }
        }
    }
}
