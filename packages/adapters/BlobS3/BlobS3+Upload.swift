import Glibc
import MailCrypto
import MailModel
import MailPorts
import NIOCore
import NIOHTTP1
import NIOPosix

extension BlobS3 {
    func upload(_ bytes: SpooledBytes, _ name: BlobName) async throws(S3Fault) {
        switch bytes {
        case .memory(let buffer) where buffer.readableBytes <= options.partSize:
            try await uploadWhole(buffer, name)
        case .memory(let buffer):
            try await uploadParts(name, size: buffer.readableBytes) { range in
                buffer.getSlice(at: buffer.readerIndex + range.lowerBound, length: range.count)
            }
        case .file(let path, let size):
            let file = try await SpoolReader(path, threads)
            do throws(S3Fault) {
                if size <= options.partSize {
                    guard let content = await file.read(0..<size) else {
                        throw S3Fault.local("the spool file is short")
                    }
                    try await uploadWhole(content, name)
                } else {
                    try await uploadParts(name, size: size) { await file.read($0) }
                }
                await file.close()
            } catch {
                await file.close()
                throw error
            }
        }
    }

    private func uploadWhole(_ content: ByteBuffer, _ name: BlobName) async throws(S3Fault) {
        let digest = content.withUnsafeReadableBytes { SHA256.hash($0) }
        guard digest == name.hash.bytes else { throw .local("the content is not what its hash says") }
        _ = try good(await client.send(.PUT, name.text, body: content, digest: name.hash.description))
    }

    /// The object appears with the last request; before it, everything can be taken back.
    private func uploadParts(
        _ name: BlobName,
        size: Int,
        _ read: (Range<Int>) async -> ByteBuffer?
    ) async throws(S3Fault) {
        let begun = try good(await client.send(.POST, name.text, query: [.init("uploads", "")]))
        guard let upload = S3Text.value(of: "UploadId", in: begun.bytes) else {
            throw .failed("an upload without a name")
        }
        do throws(S3Fault) {
            var digest = IncrementalSHA256()
            var tags: [String] = []
            for start in stride(from: 0, to: size, by: options.partSize) {
                guard let part = await read(start..<min(size, start + options.partSize)) else {
                    throw S3Fault.local("the spool file is short")
                }
                part.withUnsafeReadableBytes { digest.update($0) }
                let query: [S3Signature.Field] = [
                    .init("partNumber", "\(tags.count + 1)"), .init("uploadId", upload),
                ]
                let answer = try good(await client.send(.PUT, name.text, query: query, body: part))
                guard let tag = answer.fields.first(name: "etag"), tag.utf8.count <= 256 else {
                    throw S3Fault.failed("a part without a tag")
                }
                tags.append(tag)
            }
            guard digest.finish() == name.hash.bytes else {
                throw S3Fault.local("the content is not what its hash says")
            }
            let parts = tags.enumerated().map { number, tag in
                "<Part><PartNumber>\(number + 1)</PartNumber><ETag>\(Self.escaped(tag))</ETag></Part>"
            }
            let text = "<CompleteMultipartUpload>\(parts.joined())</CompleteMultipartUpload>"
            _ = try good(
                await client.send(
                    .POST,
                    name.text,
                    query: [.init("uploadId", upload)],
                    body: ByteBuffer(string: text)
                )
            )
        } catch {
            // What cannot even be given up, the bucket's own rule for unfinished uploads removes.
            _ = try? await client.send(.DELETE, name.text, query: [.init("uploadId", upload)])
            throw error
        }
    }

    private static func escaped(_ text: String) -> String {
        let bytes = text.utf8.flatMap { byte -> [UInt8] in
            switch byte {
            case UInt8(ascii: "&"): Array("&amp;".utf8)
            case UInt8(ascii: "<"): Array("&lt;".utf8)
            case UInt8(ascii: "\""): Array("&quot;".utf8)
            default: [byte]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Parts of a spool file, read on the thread pool.
struct SpoolReader: Sendable {
    private let descriptor: Int32
    private let threads: NIOThreadPool

    init(_ path: String, _ threads: NIOThreadPool) async throws(S3Fault) {
        self.threads = threads
        let opened = try? await threads.runIfActive { open(path, O_RDONLY | O_CLOEXEC) }
        guard let opened, opened >= 0 else { throw .local("the spool file cannot be opened") }
        descriptor = opened
    }

    func close() async {
        let descriptor = self.descriptor
        _ = try? await threads.runIfActive { Glibc.close(descriptor) }
    }

    /// nil when the file ends before.
    func read(_ range: Range<Int>) async -> ByteBuffer? {
        let descriptor = self.descriptor
        let found = try? await threads.runIfActive { () -> ByteBuffer? in
            var buffer = ByteBuffer()
            buffer.reserveCapacity(range.count)
            while buffer.readableBytes < range.count {
                let offset = range.lowerBound + buffer.readableBytes
                let count = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 1) { bytes in
                    max(0, pread(descriptor, bytes.baseAddress, min(bytes.count, range.upperBound - offset), offset))
                }
                guard count > 0 else { return nil }
            }
            return buffer
        }
        return found ?? nil
    }
}
