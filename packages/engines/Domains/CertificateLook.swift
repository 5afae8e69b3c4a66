import MailCrypto
package import MailModel
package import MailPorts

/// The certificate files of this platform, as octets.
package struct CertificateFiles: Sendable {
    /// PEM, the server's own first.
    package var chain: [UInt8]
    /// PEM.
    package var key: [UInt8]
    package init(chain: [UInt8], key: [UInt8]) { (self.chain, self.key) = (chain, key) }
}

/// Looks at one certificate: in the file, or at the server that a name leads to.
package struct CertificateLook: Sendable {
    /// Addresses of a name that are tried.
    static let maximumAddresses = 4

    private let resolver: @Sendable () async throws -> any DNSResolving
    private let probe: any CertificateProbing
    /// Read at each use, as certificates change; nil where this process has none.
    private let files: @Sendable () -> CertificateFiles?
    private let judge: CertificateJudge
    /// Whether names below domains may lead to addresses that are not public.
    private let takesPrivate: Bool

    /// - Parameter roots: PEM file of who is trusted; the system's when nil.
    package init(
        resolver: @escaping @Sendable () async throws -> any DNSResolving,
        probe: any CertificateProbing,
        files: @escaping @Sendable () -> CertificateFiles?,
        roots: String?,
        takesPrivate: Bool
    ) {
        self.resolver = resolver
        self.probe = probe
        self.files = files
        judge = CertificateJudge(roots: roots)
        self.takesPrivate = takesPrivate
    }

    /// - Parameters:
    ///   - start: how TLS begins there.
    ///   - isOwn: a name of the platform itself, which may be anywhere; others lead to public addresses only.
    package func look(
        at place: CertificatePlace,
        start: TLSStart,
        isOwn: Bool,
        now: Timestamp
    ) async -> CertificateSight {
        guard place.port != CertificatePlace.file else { return file(for: place.host, now) }
        let addresses: [IPAddress]
        do throws(CertificateProbeFault) {
            addresses = try await self.addresses(of: place.host)
        } catch {
            return CertificateSight(at: now, status: .unreachable, fault: error.reason)
        }
        guard !addresses.isEmpty else {
            return CertificateSight(at: now, status: .absent, fault: "\(place.host) has no address")
        }
        guard isOwn || takesPrivate || addresses.allSatisfy(\.isPublic) else {
            return CertificateSight(at: now, status: .refused, fault: "\(place.host) has an address that is not public")
        }
        var fault = CertificateProbeFault("")
        for address in addresses.prefix(Self.maximumAddresses) {
            do throws(CertificateProbeFault) {
                let chain = try await probe.chain(of: place.host, at: address, port: place.port, start: start)
                return judge.sight(of: chain.compactMap { try? Certificate(der: $0) }, host: place.host, now: now)
            } catch {
                switch error.kind {
                // An answer, of which nobody hopes that another address gives a better one.
                case .noSTARTTLS: return CertificateSight(at: now, status: .noSTARTTLS, fault: error.reason)
                case .unreachable: fault = error
                }
            }
        }
        return CertificateSight(at: now, status: .unreachable, fault: fault.reason)
    }

    private func addresses(of host: String) async throws(CertificateProbeFault) -> [IPAddress] {
        guard let resolver = try? await resolver() else { throw CertificateProbeFault("there is no resolver") }
        do throws(DNSError) {
            return try await resolver.addresses(host).records
        } catch {
            switch error {
            case .noSuchName, .invalidName: return []
            case .temporary: throw CertificateProbeFault("DNS did not answer for \(host)")
            }
        }
    }

    private func file(for host: String, _ now: Timestamp) -> CertificateSight {
        guard let files = files() else {
            return CertificateSight(at: now, status: .absent, fault: "the certificate's file cannot be read")
        }
        let chain = Certificate.chain(pem: files.chain)
        guard let own = chain.first else {
            return CertificateSight(at: now, status: .absent, fault: "the file holds no certificate")
        }
        return judge.sight(of: chain, host: host, isKeysOwn: own.hasKey(pem: files.key), now: now)
    }
}
