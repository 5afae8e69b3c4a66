package import MailModel
import NIOSSL

/// Who is not let in at all, and how open connections hear of it.
package protocol ClientBarrier: Sendable {
    /// Whether a new connection is refused; counts it.
    func refuses(_ remote: IPAddress, over service: String) -> Bool
    /// Whether one that is open would be refused now.
    func bars(_ remote: IPAddress) -> Bool
    /// Called whenever somebody more may be refused, on any thread.
    func observe(_ body: @escaping @Sendable () -> Void)
}

/// Fired into the pipeline of a connection whose client is refused from now on: it ends unless somebody has signed in.
package struct ConnectionBarred: Sendable {}

/// What a client sent where TLS was due.
package enum HandshakeFault {
    /// Whether the error says that the octets were no TLS at all: not a certificate that somebody does not trust, nor a version that is
    /// too old.
    package static func isNoTLS(_ error: any Error) -> Bool {
        guard let error = error as? NIOSSLError, case .handshakeFailed(let cause) = error else { return false }
        let text = Array("\(cause)".utf8)
        return signs.contains { sign in text.indices.contains { text[$0...].starts(with: sign) } }
    }

    private static let signs = ["WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST"].map { Array($0.utf8) }
}
