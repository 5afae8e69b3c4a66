/// One answer of the server.
package enum RedisReply: Equatable, Sendable {
    case status(String)
    case bulk([UInt8])
    case integer(Int64)
    case null
    case array([RedisReply])
    case error(String)

    package var text: String? {
        switch self {
        case .status(let text), .error(let text): text
        case .bulk(let bytes): String(decoding: bytes, as: UTF8.self)
        case .integer(let number): String(number)
        case .null, .array: nil
        }
    }

    package var number: Int64? {
        switch self {
        case .integer(let number): number
        case .bulk, .status: text.flatMap { Int64($0) }
        case .null, .array, .error: nil
        }
    }

    package var elements: [RedisReply]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }
}

/// Why a command has no answer.
package enum RedisFault: Error, Equatable, Sendable {
    /// No connection; the text says why and holds no secret.
    case away(String)
    case timedOut
    /// Too many commands wait already.
    case busy
    /// The server's own word.
    case refused(String)
    /// What came is not the protocol.
    case malformed(String)
}

extension RedisFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .away(let cause): cause
        case .timedOut: "no answer in time"
        case .busy: "too many commands wait"
        case .refused(let text): "the server says: \(text)"
        case .malformed(let text): "the answer cannot be read: \(text)"
        }
    }
}
