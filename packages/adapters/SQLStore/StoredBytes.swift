import CZlib
import Database
import MailCrypto
import MailModel
import MailPorts
import NIOCore

/// A message's bytes made ready for the transaction: inline (perhaps compressed), or already durable as a blob.
struct StoredBytes: Sendable {
    enum Encoding: Int64 {
        case plain = 0
        case deflated = 1
    }

    var hash: [UInt8]
    var size: Int
    var encoding: Encoding
    /// nil when the bytes are in the blob store.
    var inline: [UInt8]?

    /// What is wrong with inline bytes; nil when they are those of the hash.
    static func problem(hash: [UInt8], size: Int, encoding: Int64, inline: [UInt8]) -> String? {
        let plain: [UInt8]?
        switch Encoding(rawValue: encoding) {
        case .plain: plain = inline
        case .deflated: plain = size <= 1 << 30 ? Deflate.inflate(inline, size: size) : nil
        case nil: plain = nil
        }
        guard let plain, plain.count == size else {
            return "its bytes do not decode to the \(size) octets that it says"
        }
        return SHA256.hash(plain) == hash ? nil : "its bytes do not have their hash"
    }
}

extension SQLStore {
    /// Hashes, compresses, and writes large bytes to the blob store, all before the transaction that names them.
    func prepare(_ bytes: SpooledBytes) async throws(StoreError) -> StoredBytes {
        guard case .memory(let buffer) = bytes, buffer.readableBytes <= options.inlineThreshold else {
            let hash = try await digest(of: bytes)
            guard let blob = BlobHash(bytes: hash) else { preconditionFailure("SHA-256 is 32 octets") }
            try await blobs.put(bytes, hash: blob)
            return StoredBytes(hash: hash, size: bytes.size, encoding: .plain, inline: nil)
        }
        let plain = Array(buffer.readableBytesView)
        let hash = SHA256.hash(plain)
        if plain.count >= options.compressionThreshold, let deflated = Deflate.deflate(plain) {
            return StoredBytes(hash: hash, size: plain.count, encoding: .deflated, inline: deflated)
        }
        return StoredBytes(hash: hash, size: plain.count, encoding: .plain, inline: plain)
    }

    private func digest(of bytes: SpooledBytes) async throws(StoreError) -> [UInt8] {
        switch bytes {
        case .memory(let buffer): return SHA256.hash(Array(buffer.readableBytesView))
        case .file(let path, let size):
            let digest = try await Blocking.run { () throws(StoreError) in SpoolDigest.sha256(ofFile: path, size: size)
            }
            guard let digest else {
                throw .unavailable(reportID: reports.report("a spooled message cannot be read", cause: path))
            }
            return digest
        }
    }

    /// The bytes of `range` of a message whose row names `stored`.
    func read(
        prefix: [UInt8],
        size: Int,
        hash: [UInt8],
        inline: (encoding: Int64, data: [UInt8])?,
        range: Range<Int>
    ) async throws(StoreError) -> ByteBuffer {
        let range = range.clamped(to: 0..<(prefix.count + size))
        var output = ByteBuffer()
        if range.lowerBound < prefix.count {
            output.writeBytes(prefix[range.lowerBound..<min(range.upperBound, prefix.count)])
        }
        let body = max(0, range.lowerBound - prefix.count)..<max(0, range.upperBound - prefix.count)
        guard !body.isEmpty else { return output }
        if let inline {
            let plain =
                inline.encoding == StoredBytes.Encoding.deflated.rawValue
                ? Deflate.inflate(inline.data, size: size) : inline.data
            guard let plain, plain.count == size else {
                throw .damaged(
                    reportID: reports.report("stored bytes do not decode", cause: "an inline message of \(size) octets")
                )
            }
            output.writeBytes(plain[body])
        } else {
            guard let blob = BlobHash(bytes: hash) else {
                throw .damaged(
                    reportID: reports.report("a stored hash has the wrong length", cause: "\(hash.count) octets")
                )
            }
            var bytes = try await blobs.read(blob, range: body)
            output.writeBuffer(&bytes)
        }
        return output
    }
}

/// zlib in one piece (RFC 1950).
enum Deflate {
    /// nil when it would not be smaller.
    static func deflate(_ plain: [UInt8]) -> [UInt8]? {
        var length = compressBound(UInt(plain.count))
        var output = [UInt8](repeating: 0, count: Int(length))
        guard compress2(&output, &length, plain, UInt(plain.count), 1) == Z_OK, Int(length) < plain.count * 9 / 10
        else { return nil }
        return Array(output[..<Int(length)])
    }

    /// nil when it is damaged or has another size.
    static func inflate(_ deflated: [UInt8], size: Int) -> [UInt8]? {
        var length = UInt(size)
        var output = [UInt8](repeating: 0, count: size)
        guard uncompress(&output, &length, deflated, UInt(deflated.count)) == Z_OK, Int(length) == size else {
            return nil
        }
        return output
    }
}
