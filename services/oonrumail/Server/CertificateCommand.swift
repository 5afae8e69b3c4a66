import ArgumentParser
import Domains
import MailModel
import MailPorts
import Telemetry

struct CertificateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certificate",
        abstract: "Certificates of the names that the platform serves.",
        subcommands: [List.self, Check.self]
    )

    struct Row: Encodable {
        var host: String
        /// nil: read from the file.
        var port: Int?
        var domain: String?
        var status: String
        var fault: String?
        var checkedAt: String?
        var notBefore: String?
        var notAfter: String?
        var subject: String?
        var issuer: String?
        var names: [String]
        var keySha256: String?

        init(_ watched: WatchedCertificate) {
            let sight = watched.sight
            host = watched.place.host
            port = watched.place.port == CertificatePlace.file ? nil : Int(watched.place.port)
            domain = watched.domain
            status = (sight?.status ?? .unknown).rawValue
            fault = sight.flatMap { $0.fault.isEmpty ? nil : $0.fault }
            checkedAt = sight.map { RFC3339.text($0.at) }
            notBefore = sight?.notBefore.map { RFC3339.text($0) }
            notAfter = sight?.notAfter.map { RFC3339.text($0) }
            subject = sight?.subject
            issuer = sight?.issuer
            names = sight?.names ?? []
            keySha256 = sight?.keyHash
        }
    }

    static func text(_ rows: [Row]) -> String {
        var table = TextTable(["NAME", "PORT", "STATUS", "ENDS", "ISSUER", "WHAT IS WRONG"])
        for row in rows {
            table.add([
                row.host, row.port.map { "\($0)" } ?? "file", row.status, row.notAfter ?? "-",
                row.issuer.flatMap { $0.isEmpty ? nil : $0 } ?? "-", row.fault ?? "-",
            ])
        }
        return table.text
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "What was seen of every name.")
        @Option(name: .long, help: "Only those in this state, such as expiring or untrusted.")
        var status: CertificateStatus?
        @Option(name: .long, help: "Only names below this domain.") var domain: String?
        @OptionGroup var text: TextOption
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("certificates") { ports in
                let store = try await ports.stores.certificates()
                var listing = CertificateListing(status: status, limit: StoreOptions.page)
                (listing.domain, listing.text) = (domain.map { EmailAddress.lowercased($0) }, text.text)
                let found = try await listing.every { page throws(StoreError) in try await store.certificates(page) }
                let rows = found.map { Row($0) }
                try options.show(rows, CertificateCommand.text(rows))
            }
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Look at the certificates of a name now.",
            discussion: """
                A name that is not watched is looked at too, at port 443 or the one given; at 25, 587 and 143 by STARTTLS. Exits with 1 \
                when one has ended, ends within seven days, or would be refused by clients, or where there is no STARTTLS; with 5 \
                when nobody answered.
                """
        )
        @Argument(help: "The name.") var host: String
        @Option(name: .long, help: "Only this port.") var port: UInt16?
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let host = try DomainCommand.checked(host)
            try await options.withPorts("certificate of \(host)") { ports in
                let store = try await ports.stores.certificates()
                let now = ports.stores.clock().now()
                var places = try await store.certificates(CertificateListing(host: host, limit: 20))
                    .filter { port == nil || $0.place.port == port }
                if places.isEmpty {
                    places = [WatchedCertificate(place: CertificatePlace(host: host, port: port ?? 443))]
                }
                let seen = try await ports.certificates.check(places, now: now)
                let summary = CertificateSummary(seen)
                let rows = seen.map { Row($0) }
                let worst = summary.detail.isEmpty ? "" : "\n\(summary.status.rawValue): \(summary.detail)"
                try options.show(rows, CertificateCommand.text(rows) + worst)
                switch Self.rank(summary.status) {
                case 0: break
                case 1: throw ExitCode(CommandFailure.Code.unavailable.rawValue)
                default: throw ExitCode(CommandFailure.Code.failure.rawValue)
                }
            }
        }

        private static func rank(_ status: CertificateStatus) -> Int {
            switch status {
            case .ok, .expiring: 0
            case .unknown, .unreachable, .absent, .refused: 1
            case .urgent, .expired, .notYetValid, .wrongName, .untrusted, .keyMismatch, .noSTARTTLS: 2
            }
        }
    }
}
