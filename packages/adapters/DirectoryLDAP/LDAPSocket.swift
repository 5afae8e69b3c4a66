import CLDAP
import Glibc
import MailModel
import MailPorts

/// Connects to the very address that was judged, within a time.
enum LDAPSocket {
    static func connect(_ address: IPAddress, port: Int, seconds: Int32) throws(DirectoryFault) -> Int32 {
        let family = address.isIPv4 ? AF_INET : AF_INET6
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .unreachable }
        // libldap's writes have no time of their own: the socket has it, for connecting too.
        var limit = timeval(tv_sec: Int(seconds), tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        let code = address.isIPv4 ? connectIPv4(descriptor, address, port) : connectIPv6(descriptor, address, port)
        guard code == 0 else {
            let isLate = errno == EINPROGRESS || errno == EAGAIN || errno == ETIMEDOUT
            close(descriptor)
            throw isLate ? .tooSlow : .unreachable
        }
        return descriptor
    }

    private static func connectIPv4(_ descriptor: Int32, _ address: IPAddress, _ port: Int) -> Int32 {
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = UInt16(port).bigEndian
        withUnsafeMutableBytes(of: &place.sin_addr) { $0.copyBytes(from: address.bytes) }
        return withUnsafePointer(to: &place) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private static func connectIPv6(_ descriptor: Int32, _ address: IPAddress, _ port: Int) -> Int32 {
        var place = sockaddr_in6()
        place.sin6_family = sa_family_t(AF_INET6)
        place.sin6_port = UInt16(port).bigEndian
        withUnsafeMutableBytes(of: &place.sin6_addr) { $0.copyBytes(from: address.bytes) }
        return withUnsafePointer(to: &place) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
    }
}

/// Certificates as libldap wants them: a file, which is one of the memory here.
struct AuthorityFile: ~Copyable {
    /// Where Debian keeps those of the system.
    private static let system = "/etc/ssl/certs/ca-certificates.crt"

    private let descriptor: Int32?
    let path: String

    init(_ certificates: String?) throws(DirectoryFault) {
        guard let certificates else {
            descriptor = nil
            path = Self.system
            return
        }
        let made = oonrumail_memory_file()
        guard made >= 0 else { throw .unreachable }
        let bytes = Array(certificates.utf8)
        guard write(made, bytes, bytes.count) == bytes.count else {
            close(made)
            throw .unreachable
        }
        descriptor = made
        path = "/proc/self/fd/\(made)"
    }

    deinit { if let descriptor { close(descriptor) } }
}
