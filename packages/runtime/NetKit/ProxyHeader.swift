package import MailModel
package import NIOCore

/// Who stands behind a load balancer, by the PROXY protocol (the HAProxy specification, versions 1 and 2).
package enum ProxyHeader: Equatable, Sendable {
    /// The client as the balancer saw it.
    case proxied(source: IPAddress, port: Int)
    /// The balancer speaks for itself (a health check), or does not know: the connection's own address counts.
    case local

    /// No header is that long; `PROXY TCP6 …` takes 107 octets at most (§2.1).
    static let maximumText = 107
    /// Addresses take 216 octets at most, what follows are additions (§2.2).
    static let maximumBinary = 16 + 4_096

    /// The octets are no header of either version.
    package struct Malformed: Error, Equatable {
        package init() {}
    }

    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
    private static let word = Array("PROXY ".utf8)

    /// Takes a header from the front of the buffer; nil when more octets are needed.
    ///
    /// Throws `Malformed` as soon as the octets can be no header.
    package static func take(from buffer: inout ByteBuffer) throws(Malformed) -> ProxyHeader? {
        let bytes = buffer.readableBytesView
        guard let first = bytes.first else { return nil }
        if first == signature[0] { return try binary(&buffer) }
        guard bytes.prefix(word.count).elementsEqual(word.prefix(bytes.count)) else { throw Malformed() }
        return try text(&buffer)
    }

    // MARK: - Version 1

    private static func text(_ buffer: inout ByteBuffer) throws(Malformed) -> ProxyHeader? {
        let bytes = buffer.readableBytesView.prefix(maximumText)
        guard let end = bytes.firstIndex(of: 10) else {
            guard bytes.count < maximumText else { throw Malformed() }
            return nil
        }
        guard end > bytes.startIndex, bytes[end - 1] == 13 else { throw Malformed() }
        let line = Array(bytes[bytes.startIndex..<(end - 1)])
        buffer.moveReaderIndex(forwardBy: line.count + 2)
        let parts = line.split(separator: 32, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        guard parts.count >= 2 else { throw Malformed() }
        // §2.1: what follows UNKNOWN must be ignored.
        if parts[1] == "UNKNOWN" { return .local }
        guard parts.count == 6, let source = IPAddress(parts[2]), IPAddress(parts[3]) != nil,
            let port = port(parts[4]), Self.port(parts[5]) != nil
        else { throw Malformed() }
        switch parts[1] {
        case "TCP4" where parts[2].utf8.contains(46) && !parts[2].utf8.contains(58): ()
        case "TCP6" where parts[2].utf8.contains(58): ()
        default: throw Malformed()
        }
        return .proxied(source: source, port: port)
    }

    private static func port(_ text: String) -> Int? {
        let digits = text.utf8
        guard (1...5).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }), let value = Int(text)
        else {
            return nil
        }
        return value <= 65_535 ? value : nil
    }

    // MARK: - Version 2

    private static func binary(_ buffer: inout ByteBuffer) throws(Malformed) -> ProxyHeader? {
        let bytes = buffer.readableBytesView
        guard bytes.prefix(signature.count).elementsEqual(signature.prefix(bytes.count)) else { throw Malformed() }
        guard bytes.count >= 16 else { return nil }
        let start = bytes.startIndex
        let (command, family) = (bytes[start + 12], bytes[start + 13])
        let length = Int(bytes[start + 14]) << 8 | Int(bytes[start + 15])
        guard command >> 4 == 2, command & 15 <= 1, 16 + length <= maximumBinary else { throw Malformed() }
        guard bytes.count >= 16 + length else { return nil }
        let addresses = Array(bytes[(start + 16)..<(start + 16 + length)])
        buffer.moveReaderIndex(forwardBy: 16 + length)
        guard command & 15 == 1 else { return .local }
        switch family >> 4 {
        case 1: return try source(addresses, size: 4)
        case 2: return try source(addresses, size: 16)
        // §2.2: unspecified and UNIX addresses tell nothing that a mail server could use.
        case 0, 3: return .local
        default: throw Malformed()
        }
    }

    private static func source(_ bytes: [UInt8], size: Int) throws(Malformed) -> ProxyHeader {
        guard bytes.count >= 2 * size + 4, let address = IPAddress(bytes: Array(bytes[..<size])) else {
            throw Malformed()
        }
        return .proxied(source: address, port: Int(bytes[2 * size]) << 8 | Int(bytes[2 * size + 1]))
    }
}
