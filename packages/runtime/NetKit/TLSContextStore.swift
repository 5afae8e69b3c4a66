import Glibc
package import Logging
package import NIOSSL
import Synchronization

/// Why TLS cannot be set up; one line for the operator.
package struct TLSError: Error, CustomStringConvertible {
    package let description: String
}

/// The server's certificate and key as a TLS context, read anew when the files change.
///
/// A changed pair that does not load is reported once and the old one stays in use.
package final class TLSContextStore: Sendable {
    private struct State {
        var context: NIOSSLContext
        var stamp: [FileStamp]
        var checkedAt: Int64
    }

    private let certificatePath: String
    private let keyPath: String
    private let logger: Logger
    private let state: Mutex<State>

    /// - Throws: when the files cannot be read or do not belong together.
    package init(certificatePath: String, keyPath: String, logger: Logger) throws(TLSError) {
        self.certificatePath = certificatePath
        self.keyPath = keyPath
        self.logger = logger
        let context = try Self.load(certificatePath, keyPath)
        state = Mutex(State(context: context, stamp: [certificatePath, keyPath].map { FileStamp($0) }, checkedAt: 0))
    }

    /// The context for a new connection.
    ///
    /// Looks at the files at most once a second.
    package func context() -> NIOSSLContext {
        let now = Int64(time(nil))
        return state.withLock { state in
            guard state.checkedAt != now else { return state.context }
            state.checkedAt = now
            let stamp = [certificatePath, keyPath].map { FileStamp($0) }
            guard stamp != state.stamp else { return state.context }
            state.stamp = stamp
            do throws(TLSError) {
                state.context = try Self.load(certificatePath, keyPath)
                logger.notice("certificate reloaded", metadata: ["path": "\(certificatePath)"])
            } catch {
                logger.error(
                    "the changed certificate does not load; the old one stays",
                    metadata: ["cause": "\(error)"]
                )
            }
            return state.context
        }
    }

    private static func load(_ certificatePath: String, _ keyPath: String) throws(TLSError) -> NIOSSLContext {
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(certificatePath).map {
                NIOSSLCertificateSource.certificate($0)
            }
            let key = try NIOSSLPrivateKey(file: keyPath, format: .pem)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain,
                privateKey: .privateKey(key)
            )
            // RFC 8314 §4.1: TLS 1.2 or later.
            configuration.minimumTLSVersion = .tlsv12
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw TLSError(description: "cannot use the certificate \(certificatePath) with the key \(keyPath)")
        }
    }
}
