import ArgumentParser
import Domains
import Glibc
import MailModel
import MailPorts

extension DKIMCommand {
    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a private key in PEM that was used elsewhere.",
            discussion:
                "RSA of 2048 to 4096 bits or Ed25519, without a passphrase. It signs once its record is seen in DNS under the selector."
        )
        @Argument(help: "The domain.") var domain: String
        @Argument(help: "The selector that the key is published under.") var selector: String
        @Argument(help: "The file; - for standard input.") var file: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let pem = try read()
            try await DKIMCommand.show(domain, options) { ports, actor, now in
                _ = try await ports.life.importKey(pem, selector: selector, of: domain, actor: actor, now: now)
            }
        }

        private func read() throws -> [UInt8] {
            let descriptor = file == "-" ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw ValidationError("\(file) cannot be read.") }
            defer { if file != "-" { close(descriptor) } }
            var content: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: 4_096)
            // More than any key: what is longer does not read as one.
            while content.count <= 32_768 {
                let count = Glibc.read(descriptor, &piece, piece.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                content += piece[..<count]
            }
            return content
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a private key in PEM (PKCS #8); it is audited.",
            discussion: "Whoever has it signs as the domain: redirect it to a file that only you read (umask 077)."
        )
        @Argument(help: "The domain.") var domain: String
        @Argument(help: "The key's selector.") var selector: String
        @OptionGroup var options: StoreOptions

        private struct Row: Encodable {
            var selector: String
            var privateKey: String
        }

        func run() async throws {
            let name = try DomainCommand.checked(domain)
            try await options.withPorts("key \(selector) of \(name)") { ports in
                let pem = try await ports.life.exportKey(
                    selector,
                    of: name,
                    actor: DomainLife.Actor("cli"),
                    now: ports.stores.clock().now()
                )
                let text = String(decoding: pem.last == 10 ? pem.dropLast() : pem[...], as: UTF8.self)
                try options.show(Row(selector: selector, privateKey: text + "\n"), text)
            }
        }
    }

    struct Delegate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make keys whose records lie in the operator's zone (OONRUMAIL_DKIM_ZONE).",
            discussion:
                "The owner publishes the CNAME records that `oonrumail domain dns` prints, once; rotations need nobody then."
        )
        @Argument(help: "The domain.") var domain: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await DKIMCommand.show(domain, options) { ports, actor, now in
                _ = try await ports.life.delegate(domain, actor: actor, now: now)
            }
        }
    }

    struct Zone: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the records of the operator's zone for delegated keys, in zone-file form."
        )
        @OptionGroup var options: StoreOptions

        private struct Row: Encodable {
            var zone: String
            var records: String
        }

        func run() async throws {
            try await options.withPorts("zone for signing keys") { ports in
                let text = try await ports.life.delegatedZone()
                try options.show(
                    Row(zone: ports.life.keyZone ?? "", records: text),
                    text.utf8.last == 10 ? String(decoding: text.utf8.dropLast(), as: UTF8.self) : text
                )
            }
        }
    }
}
