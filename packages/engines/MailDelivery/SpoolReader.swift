import Glibc
import MailPorts
import NIOCore

extension SpooledBytes {
    /// Everything in one array; nil when the file cannot be read.
    func load() -> [UInt8]? {
        switch self {
        case .memory(let buffer): return Array(buffer.readableBytesView)
        case .file(let path, let size):
            let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { return nil }
            defer { close(descriptor) }
            let content = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                while count < size {
                    let rest = unsafe UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(buffer)[count..<size]
                    )
                    let got = unsafe read(descriptor, rest.baseAddress, rest.count)
                    if got < 0, errno == EINTR { continue }
                    guard got > 0 else { break }
                    count += got
                }
            }
            return content.count == size ? content : nil
        }
    }
}
