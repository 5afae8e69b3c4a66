import MailModel
import NIOSSL

/// TLS as client: contexts are made once.
enum OutboundTLS {
    private static let opportunistic = Result { try context(.none) }
    private static let verified = Result { try context(.fullVerification) }

    /// Makes the contexts, which reads the certificates that this system trusts: on no event loop.
    static func prepare() {
        _ = (opportunistic, verified)
    }

    static func handler(for name: String, verifies: Bool) throws -> NIOSSLClientHandler {
        // RFC 6066 §3: no server name for addresses.
        let serverName = IPAddress(name) == nil ? name : nil
        return try NIOSSLClientHandler(context: (verifies ? verified : opportunistic).get(), serverHostname: serverName)
    }

    private static func context(_ verification: CertificateVerification) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = verification
        configuration.minimumTLSVersion = .tlsv12
        return try NIOSSLContext(configuration: configuration)
    }
}
