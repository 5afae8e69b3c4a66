import Glibc
import Synchronization

/// Ports of the loopback for servers that tests start.
package enum LoopbackPort {
    /// Below those that the system gives to outgoing connections, so that none of them takes one meanwhile.
    ///
    /// A node of a Redis cluster takes the port 10,000 above its own too. Those of `scripts/cluster/ports.py` are others.
    private static let range = 10_000..<12_000
    private static let given = Mutex(Set<Int>())

    /// A port that nothing listens on and that this process has not been given yet.
    package static func free() throws -> Int {
        for _ in 0..<1_000 {
            let port = Int.random(in: range)
            if given.withLock({ $0.insert(port).inserted }) && isFree(port) && isFree(port + 10_000) { return port }
        }
        throw ProcessFault(description: "no free port")
    }

    private static func isFree(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = in_port_t(port).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
