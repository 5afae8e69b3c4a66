import MailCrypto

/// How messages are authenticated; what RFC 8945 §6 calls for MD5 and SHA-1 is not taken.
package enum TSIGAlgorithm: String, Sendable, CaseIterable {
    case hmacSHA256 = "hmac-sha256"
    case hmacSHA384 = "hmac-sha384"
    case hmacSHA512 = "hmac-sha512"

    var code: HMACSHA2 {
        switch self {
        case .hmacSHA256: .sha256
        case .hmacSHA384: .sha384
        case .hmacSHA512: .sha512
        }
    }

    /// As labels of a name.
    var octets: [UInt8] { [UInt8(rawValue.utf8.count)] + Array(rawValue.utf8) + [0] }
}

/// Why an answer is not believed, or what the server says of our signature.
package enum TSIGFailure: Error, Hashable, Sendable {
    case malformed
    /// The answer has no signature; the code is what it says, for a hint.
    case unsigned(ResponseCode)
    /// RFC 8945 §5.2.1: the server has no such key, or another algorithm for it. Nobody signs that answer.
    case badKey
    /// RFC 8945 §5.2.2: the server computes another code: another secret. Nobody signs that answer.
    case badSignature
    /// RFC 8945 §5.2.3: our time is not the server's; seconds since 1970, signed by the server.
    case badTime(server: Int64)
    /// The answer was signed at a time that is too far from ours.
    case staleAnswer(signed: Int64)
    /// The answer was signed with another key, or changed on the way.
    case forged
    case other(UInt16)
}

/// A secret that a server shares with who may change its zones (RFC 8945).
package struct TSIGKey: Sendable, CustomStringConvertible {
    /// RFC 8945 §10: "The RECOMMENDED fudge value is 300 seconds".
    package static let fudge: UInt16 = 300
    private static let badSignature: UInt16 = 16
    private static let badKey: UInt16 = 17
    private static let badTime: UInt16 = 18

    package let name: WireName
    package let algorithm: TSIGAlgorithm
    private let secret: [UInt8]

    package init(name: WireName, algorithm: TSIGAlgorithm, secret: [UInt8]) {
        (self.name, self.algorithm, self.secret) = (name, algorithm, secret)
    }

    package var description: String { "TSIGKey(\(name.text), \(algorithm.rawValue))" }

    // MARK: - Requests

    /// The request with its signature, and the code in it, which the answer's is bound to; nil when it gets too long.
    package func sign(_ message: DNSMessage, at seconds: Int64) -> (octets: [UInt8], code: [UInt8])? {
        guard let plain = message.encoded() else { return nil }
        var signature = Signature(signed: UInt64(max(0, seconds)), fudge: Self.fudge, code: [], id: message.id)
        signature.code = code(over: plain, signature, request: nil)
        var signed = message
        signed.additionals.append(
            DNSMessage.Record(
                name: name,
                type: DNSNumber.tsig,
                group: DNSNumber.classAny,
                ttl: 0,
                data: algorithm.octets + signature.octets
            )
        )
        return signed.encoded().map { ($0, signature.code) }
    }

    /// RFC 8945 §4.3: for an answer the request's code with its length, the message without the signature, then its variables.
    private func code(over message: [UInt8], _ signature: Signature, request: [UInt8]?) -> [UInt8] {
        var input: [UInt8] = []
        if let request { input += DNSMessage.octets(UInt16(request.count)) + request }
        input += message
        // RFC 8945 §4.3.3: name, class ANY and TTL 0, then the fields but for the code and the identifier.
        input += name.octets + DNSMessage.octets(DNSNumber.classAny) + [0, 0, 0, 0] + algorithm.octets
        input += signature.time + DNSMessage.octets(signature.fudge) + DNSMessage.octets(signature.error)
        input += DNSMessage.octets(UInt16(signature.other.count)) + signature.other
        return algorithm.code.authenticate(input, key: secret)
    }

    // MARK: - Answers

    /// Reads an answer and believes it when its signature is right (RFC 8945 §5.3).
    ///
    /// - Parameter code: that of the request.
    package func verify(
        _ answer: [UInt8],
        to code: [UInt8],
        now seconds: Int64
    ) throws(TSIGFailure) -> DNSMessage {
        var start = 0
        var message: DNSMessage
        do throws(DNSWireFailure) {
            message = try DNSMessage(answer, lastRecord: &start)
        } catch {
            throw .malformed
        }
        // RFC 8945 §5.2: "If the TSIG record is present multiple times or not last, FORMERR".
        let earlier = message.answers + message.authorities + message.additionals.dropLast()
        guard !earlier.contains(where: { $0.type == DNSNumber.tsig }) else { throw .malformed }
        guard let record = message.additionals.last, record.type == DNSNumber.tsig else {
            throw .unsigned(message.code)
        }
        let (algorithm, signature) = try Self.read(record)
        // Never the key or the algorithm that the answer names, but ours.
        guard signature.code.isEmpty || (record.name == name && algorithm.octets == self.algorithm.octets) else {
            throw .forged
        }
        if signature.code.isEmpty {
            switch signature.error {
            case Self.badKey: throw .badKey
            case Self.badSignature: throw .badSignature
            case Self.badTime, 0: throw .unsigned(message.code)
            default: throw .other(signature.error)
            }
        }
        // The message as it was before it was signed: its own identifier, one record less (RFC 8945 §4.3.2).
        var plain = DNSMessage.octets(signature.id) + answer[2..<start]
        plain.replaceSubrange(10..<12, with: DNSMessage.octets(UInt16(message.additionals.count - 1)))
        // Whole codes only: none of ours is cut, so none of the answers' needs to be (RFC 8945 §5.2.2.1).
        guard constantTimeEqual(self.code(over: plain, signature, request: code), signature.code) else {
            throw .forged
        }
        try Self.judge(signature, now: seconds)
        message.additionals.removeLast()
        return message
    }

    /// What a code that is right says of times and errors.
    private static func judge(_ signature: Signature, now seconds: Int64) throws(TSIGFailure) {
        switch signature.error {
        case 0: ()
        case badTime:
            guard signature.other.count == 6 else { throw .malformed }
            throw .badTime(server: signature.other.reduce(0) { $0 << 8 | Int64($1) })
        case badKey: throw .badKey
        case badSignature: throw .badSignature
        default: throw .other(signature.error)
        }
        let signed = Int64(signature.signed)
        guard abs(seconds - signed) <= Int64(max(signature.fudge, fudge)) else { throw .staleAnswer(signed: signed) }
    }

    private static func read(_ record: DNSMessage.Record) throws(TSIGFailure) -> (WireName, Signature) {
        guard record.group == DNSNumber.classAny, record.ttl == 0 else { throw .malformed }
        do throws(DNSWireFailure) {
            var reader = DNSReader(record.data)
            let algorithm = try reader.name()
            let high = UInt64(try reader.uint16())
            var signature = Signature(
                signed: high << 32 | UInt64(try reader.uint32()),
                fudge: try reader.uint16(),
                code: try reader.octets(Int(try reader.uint16())),
                id: try reader.uint16()
            )
            signature.error = try reader.uint16()
            signature.other = try reader.octets(Int(try reader.uint16()))
            guard reader.place == record.data.count else { throw .malformed }
            return (algorithm, signature)
        } catch {
            throw .malformed
        }
    }
}

/// The fields of a signature behind the algorithm's name (RFC 8945 §4.2).
private struct Signature {
    /// Seconds since 1970, of which 48 bits are sent.
    var signed: UInt64
    var fudge: UInt16
    var code: [UInt8]
    /// Of the message as it was signed.
    var id: UInt16
    var error: UInt16 = 0
    var other: [UInt8] = []

    var time: [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: signed >> (40 - 8 * $0)) } }

    var octets: [UInt8] {
        time + DNSMessage.octets(fudge) + DNSMessage.octets(UInt16(code.count)) + code + DNSMessage.octets(id)
            + DNSMessage.octets(error) + DNSMessage.octets(UInt16(other.count)) + other
    }
}
