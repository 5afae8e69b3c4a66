import ByteParsing

/// What the client proves by SCRAM (RFC 5802 §3), to be checked with the stored and the server key.
package struct SCRAMProof: Hashable, Sendable {
    package let user: String
    /// `AuthMessage`.
    package let message: [UInt8]
    /// `ClientProof`, 32 octets for SHA-256.
    package let proof: [UInt8]

    package init(user: String, message: [UInt8], proof: [UInt8]) {
        (self.user, self.message, self.proof) = (user, message, proof)
    }
}

/// The server's half of SCRAM-SHA-256 without channel binding (RFC 5802 §5, RFC 7677), as text in and out.
struct SCRAMExchange: Hashable, Sendable {
    /// Octets of a nonce; clients send 18 to 60.
    static let maximumNonce = 256
    /// Octets of a whole message of the client.
    static let maximumMessage = 4 * SASLExchange.maximumName

    let user: String
    let authorizationID: String?
    /// As the client sent it, for the second message repeats it.
    private let header: [UInt8]
    private let bare: [UInt8]
    private let nonce: [UInt8]
    private var serverFirst: [UInt8] = []
    private var wholeNonce: [UInt8] = []

    // client-first-message = gs2-header client-first-message-bare
    // gs2-header = gs2-cbind-flag "," [ authzid ] ","
    // client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions]
    init(clientFirst message: [UInt8]) throws(SASLExchange.Failure) {
        guard message.count <= Self.maximumMessage else { throw .tooLong }
        let parts = message.split(separator: 44, omittingEmptySubsequences: false)
        // "p": the client wants channel binding, which is not offered; "y": it could, and rightly thinks the server cannot.
        guard parts.count >= 4, parts[0] == [110] || parts[0] == [121] else { throw .malformed }
        let authorization: String? =
            parts[1].isEmpty ? nil : try SASLText.name(Self.unescaped(Self.value(parts[1], 97))[...])
        // RFC 5802 §5.1: an unknown mandatory extension ("m") makes the exchange fail, as every attribute in its place does.
        let name = try SASLText.name(Self.unescaped(Self.value(parts[2], 110))[...])
        user = name
        authorizationID = authorization == name ? nil : authorization
        nonce = Array(try Self.value(parts[3], 114))
        // c-nonce = %x21-2B / %x2D-7E
        guard (1...Self.maximumNonce).contains(nonce.count), nonce.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .malformed
        }
        header = Array(parts[0]) + [44] + Array(parts[1]) + [44]
        bare = Array(message[header.count...])
    }

    // server-first-message = nonce "," salt "," iteration-count
    mutating func serverFirst(salt: [UInt8], iterations: Int, nonce own: [UInt8]) -> [UInt8] {
        wholeNonce = nonce + own
        serverFirst =
            Array("r=".utf8) + wholeNonce + Array(",s=".utf8) + Base64.encode(salt) + Array(",i=\(iterations)".utf8)
        return serverFirst
    }

    // client-final-message = channel-binding "," nonce ["," extensions] "," proof
    func proof(clientFinal message: [UInt8]) throws(SASLExchange.Failure) -> SCRAMProof {
        guard message.count <= Self.maximumMessage else { throw .tooLong }
        let parts = message.split(separator: 44, omittingEmptySubsequences: false)
        guard parts.count >= 3, let last = parts.last else { throw .malformed }
        guard Base64.decode(try Self.value(parts[0], 99)) == header else { throw .malformed }
        guard try Self.value(parts[1], 114).elementsEqual(wholeNonce) else { throw .malformed }
        guard let proof = Base64.decode(try Self.value(last, 112)), proof.count == 32 else { throw .malformed }
        let withoutProof = message[..<(last.startIndex - 1)]
        return SCRAMProof(user: user, message: bare + [44] + serverFirst + [44] + withoutProof, proof: proof)
    }

    /// `x=value`.
    private static func value(
        _ part: ArraySlice<UInt8>,
        _ name: UInt8
    ) throws(SASLExchange.Failure) -> ArraySlice<UInt8> {
        guard part.count >= 2, part.first == name, part[part.startIndex + 1] == 61 else { throw .malformed }
        return part.dropFirst(2)
    }

    /// RFC 5802 §5.1: "=2C" is a comma, "=3D" an equals sign, any other "=" makes the exchange fail.
    static func unescaped(_ text: ArraySlice<UInt8>) throws(SASLExchange.Failure) -> [UInt8] {
        var plain: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            guard byte == 61 else {
                plain.append(byte)
                continue
            }
            if rest.starts(with: [50, 67]) {
                plain.append(44)
            } else if rest.starts(with: [51, 68]) {
                plain.append(61)
            } else {
                throw .malformed
            }
            rest = rest.dropFirst(2)
        }
        return plain
    }
}
