import Glibc

/// Whole reads and writes on descriptors.
enum FileOctets {
    static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        bytes.withUnsafeBytes { writeAll($0, to: descriptor) }
    }

    static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
        var offset = 0
        while offset < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress.map { $0 + offset }, bytes.count - offset)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            offset += count
        }
        return true
    }

    /// nil when the file ends before.
    static func readAll(_ descriptor: Int32, size: Int, from start: Int = 0) -> [UInt8]? {
        var isComplete = true
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
            while initialized < size {
                let count = pread(
                    descriptor,
                    buffer.baseAddress.map { $0 + initialized },
                    size - initialized,
                    start + initialized
                )
                if count < 0, errno == EINTR { continue }
                guard count > 0 else {
                    isComplete = false
                    return
                }
                initialized += count
            }
        }
        return isComplete ? bytes : nil
    }

    /// The file in pieces, until the closure says no.
    ///
    /// Whether it came to the end.
    static func forEachChunk(of descriptor: Int32, _ body: (UnsafeRawBufferPointer) -> Bool) -> Bool {
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { chunk.deallocate() }
        while true {
            let count = Glibc.read(descriptor, chunk.baseAddress, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return false }
            guard count > 0 else { return true }
            guard body(UnsafeRawBufferPointer(rebasing: chunk[..<count])) else { return false }
        }
    }
}
