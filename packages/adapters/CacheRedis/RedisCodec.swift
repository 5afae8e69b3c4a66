import CHiredis
import NIOCore

/// Commands as hiredis writes them.
enum RedisEncoder {
    /// Appends `words` as one command.
    static func append(_ words: [String], to buffer: inout ByteBuffer) {
        let lengths = words.map { $0.utf8.count }
        let octets = Array(words.map { $0.utf8 }.joined())
        octets.withUnsafeBufferPointer { octets in
            octets.withMemoryRebound(to: CChar.self) { octets in
                // An empty word still needs an address.
                let empty: StaticString = ""
                let nothing = UnsafeRawPointer(empty.utf8Start).assumingMemoryBound(to: CChar.self)
                var offset = 0
                var places: [UnsafePointer<CChar>?] = lengths.map { length in
                    defer { offset += length }
                    return octets.baseAddress.map { $0 + offset } ?? nothing
                }
                var target: UnsafeMutablePointer<CChar>?
                let count = redisFormatCommandArgv(&target, Int32(words.count), &places, lengths)
                guard count > 0, let target else { preconditionFailure("out of memory") }
                buffer.writeBytes(UnsafeRawBufferPointer(start: target, count: Int(count)))
                redisFreeCommand(target)
            }
        }
    }
}

/// Answers as hiredis reads them, from pieces of any size.
///
/// Used on one event loop only.
final class RedisDecoder {
    private let reader: UnsafeMutablePointer<redisReader>
    private let maximum: Int
    /// Octets that were fed since the last whole answer.
    private var open = 0

    init(maximum: Int) {
        guard let reader = redisReaderCreate() else { preconditionFailure("out of memory") }
        self.reader = reader
        self.maximum = maximum
    }

    deinit { redisReaderFree(reader) }

    /// Gives every answer that is whole now.
    func feed(_ buffer: ByteBuffer, _ onReply: (RedisReply) -> Void) throws(RedisFault) {
        let fed = buffer.withUnsafeReadableBytes { bytes in
            redisReaderFeed(reader, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        open += buffer.readableBytes
        guard fed == REDIS_OK else { throw cause }
        while true {
            var found: UnsafeMutableRawPointer?
            guard redisReaderGetReply(reader, &found) == REDIS_OK else { throw cause }
            guard let found else { break }
            defer { freeReplyObject(found) }
            open = 0
            onReply(Self.value(found.assumingMemoryBound(to: redisReply.self).pointee))
        }
        guard open <= maximum else { throw .malformed("an answer of more than \(maximum) octets") }
    }

    private var cause: RedisFault {
        let text = withUnsafeBytes(of: reader.pointee.errstr) { $0.prefix { $0 != 0 }.map { $0 } }
        return .malformed(String(decoding: text, as: UTF8.self))
    }

    private static func value(_ reply: redisReply) -> RedisReply {
        var octets: [UInt8] {
            reply.str.map { Array(UnsafeRawBufferPointer(start: $0, count: Int(reply.len))) } ?? []
        }
        switch reply.type {
        case REDIS_REPLY_STATUS: return .status(String(decoding: octets, as: UTF8.self))
        case REDIS_REPLY_ERROR: return .error(String(decoding: octets, as: UTF8.self))
        case REDIS_REPLY_STRING: return .bulk(octets)
        case REDIS_REPLY_INTEGER: return .integer(reply.integer)
        case REDIS_REPLY_ARRAY:
            return .array(
                (0..<Int(reply.elements)).map { index in
                    reply.element[index].map { value($0.pointee) } ?? .null
                }
            )
        default: return .null
        }
    }
}
