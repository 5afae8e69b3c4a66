import ArgumentParser
import FoundationEssentials
import MailModel
import MailPolicy
import MailPorts

struct BrandingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "branding",
        abstract: "How front ends look for domains.",
        subcommands: [Show.self, Set.self, Logo.self]
    )

    private struct Document: Encodable {
        var domain: String
        var version: Int64
        var branding: DomainBranding
        var logoType: String?
    }

    private static func print(_ record: BrandingRecord?, of domain: String, _ options: StoreOptions) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let branding = record?.branding ?? DomainBranding()
        let text = String(decoding: try encoder.encode(branding), as: UTF8.self)
        try options.show(
            Document(domain: domain, version: record?.version ?? 0, branding: branding, logoType: record?.logoType),
            text
        )
    }

    private static func event(_ action: String, _ name: String, _ ports: CommandEnvironment.Ports) -> AuditEvent {
        AuditEvent(at: ports.stores.clock().now(), actor: "cli", action: action, subject: name)
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print it as `branding set` takes it.")
        @Argument(help: "The domain.") var domain: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let name = try DomainCommand.checked(domain)
            try await options.withPorts("domain \(name)") { ports in
                let record = try await ports.stores.branding().branding(ofDomain: name)
                try BrandingCommand.print(record, of: name, options)
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Replace it but for the logo, read as JSON from standard input.",
            discussion: "Members: product_name, colours (primary, accent, background, text), header_html, footer_html."
        )
        @Argument(help: "The domain.") var domain: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let name = try DomainCommand.checked(domain)
            let bytes = CommandEnvironment.current.terminal.readAll(limit: 1 << 20)
            let branding: DomainBranding
            do {
                branding = try JSONDecoder().decode(DomainBranding.self, from: Data(bytes))
            } catch {
                throw CommandFailure(.failure, "standard input has no branding")
            }
            if let fault = branding.faults.first { throw CommandFailure(.failure, "\(fault.pointer): \(fault.why)") }
            try await options.withPorts("domain \(name)") { ports in
                let record = try await ports.stores.branding().setBranding(
                    branding.sanitized,
                    ofDomain: name,
                    replacing: nil,
                    audit: BrandingCommand.event("domain.branding", name, ports)
                )
                try BrandingCommand.print(record, of: name, options)
            }
        }
    }

    struct Logo: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Replace the logo, or take it away.")
        @Argument(help: "The domain.") var domain: String
        @Argument(help: "A PNG or JPEG file; none takes the logo away.") var file: String?
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let name = try DomainCommand.checked(domain)
            let logo = try file.map(Self.read)
            try await options.withPorts("domain \(name)") { ports in
                let record = try await ports.stores.branding().setLogo(
                    logo,
                    ofDomain: name,
                    audit: BrandingCommand.event("domain.logo", name, ports)
                )
                try BrandingCommand.print(record, of: name, options)
            }
        }

        private static func read(_ file: String) throws -> BrandingLogo {
            guard let data = try? Data(contentsOf: URL(filePath: file)) else {
                throw CommandFailure(.notFound, "\(file) cannot be read")
            }
            let bytes = Array(data)
            do throws(LogoPicture.Fault) {
                return BrandingLogo(type: try LogoPicture.type(of: bytes), bytes: bytes)
            } catch {
                switch error {
                case .tooLarge: throw CommandFailure(.failure, "a logo has at most \(LogoPicture.limit) octets")
                case .otherKind: throw CommandFailure(.failure, "a logo is a PNG or JPEG picture")
                case .badSize:
                    throw CommandFailure(.failure, "a logo is at most \(LogoPicture.maximumSide) pixels wide and high")
                }
            }
        }
    }
}

extension Terminal {
    /// Standard input to its end, or to the limit.
    func readAll(limit: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < limit, let line = readLine(limit: limit) { bytes += Array("\(line)\n".utf8) }
        return bytes
    }
}
