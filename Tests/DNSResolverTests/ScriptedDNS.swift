import NIOCore
import NIOPosix
import Synchronization

/// What the server says to one question.
enum DNSScript: Sendable {
    /// Records: owner (empty: the question's name), type and data.
    case records([DNSRow])
    case code(UInt16)
    case silence
    /// Truncated over UDP, these over TCP.
    case overTCP([DNSRow])
    /// Octets that are no DNS message.
    case noise
}

struct DNSRow: Sendable {
    var owner: String
    var type: UInt16
    var data: [UInt8]

    init(_ type: UInt16, _ data: [UInt8], owner: String = "") {
        (self.owner, self.type, self.data) = (owner, type, data)
    }

    static func mx(_ preference: UInt16, _ host: String) -> DNSRow {
        DNSRow(15, [UInt8(preference >> 8), UInt8(preference & 255)] + wire(host))
    }
    static func a(_ bytes: UInt8..., owner: String = "") -> DNSRow { DNSRow(1, bytes, owner: owner) }
    static func cname(_ target: String) -> DNSRow { DNSRow(5, wire(target)) }
    static func txt(_ strings: String...) -> DNSRow {
        DNSRow(16, strings.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) })
    }

    static func wire(_ name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }
}

/// An authoritative server for everything, on one loopback port over UDP and TCP.
final class ScriptedDNS: Sendable {
    /// Its own: other tests keep the shared ones busy, and an answer that is late is asked for again, later and later.
    private static let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    private let script: [String: DNSScript]
    private let counts = Mutex<[String: Int]>([:])
    private let channels = Mutex<[any Channel]>([])
    let port: Int

    /// Keys are `name type-number`, such as `one.example 15`; what is not there does not exist (3).
    init(_ script: [String: DNSScript]) async throws {
        self.script = script
        var udp: (any Channel)?
        var tcp: (any Channel)?
        let box = Mutex<ScriptedDNS?>(nil)
        let shared = Unwrapped(box)
        // The port that TCP got may be taken for UDP.
        for _ in 0..<20 where udp == nil {
            let listener = try await ServerBootstrap(group: Self.threads)
                .childChannelInitializer { $0.pipeline.addHandler(Stream(shared)) }
                .bind(host: "127.0.0.1", port: 0).get()
            tcp = listener
            udp = try? await DatagramBootstrap(group: Self.threads)
                .channelInitializer { $0.pipeline.addHandler(Datagrams(shared)) }
                .bind(host: "127.0.0.1", port: listener.localAddress?.port ?? 0).get()
            if udp == nil { try await listener.close() }
        }
        port = tcp?.localAddress?.port ?? 0
        let opened = [udp, tcp].compactMap { $0 }
        channels.withLock { $0 = opened }
        shared.box.withLock { $0 = self }
    }

    /// Lets handlers be made before the server is.
    private final class Unwrapped: Sendable {
        let box: Mutex<ScriptedDNS?>
        init(_ box: consuming Mutex<ScriptedDNS?>) { self.box = box }
        var server: ScriptedDNS? { box.withLock { $0 } }
    }

    var address: String { "127.0.0.1@\(port)" }
    /// How often a question was asked.
    func count(_ key: String) -> Int { counts.withLock { $0[key] ?? 0 } }

    func stop() async {
        for channel in channels.withLock({ $0 }) { try? await channel.close() }
    }

    // MARK: - Messages

    private func answer(_ query: [UInt8], overTCP: Bool) -> [UInt8]? {
        guard query.count > 17 else { return nil }
        var labels: [String] = []
        var place = 12
        while place < query.count, query[place] > 0 {
            let end = place + 1 + Int(query[place])
            guard end < query.count else { return nil }
            labels.append(String(decoding: query[(place + 1)..<end], as: UTF8.self).lowercased())
            place = end
        }
        let end = place + 5
        guard end <= query.count else { return nil }
        let key = "\(labels.joined(separator: ".")) \(UInt16(query[place + 1]) << 8 | UInt16(query[place + 2]))"
        counts.withLock { $0[key, default: 0] += 1 }
        let (id, question) = (Array(query[..<2]), Array(query[12..<end]))
        switch script[key] ?? .code(3) {
        case .records(let rows): return Self.message(id, question, rows)
        case .code(let code): return Self.message(id, question, [], code: code)
        case .silence: return nil
        case .overTCP(let rows): return Self.message(id, question, overTCP ? rows : [], isTruncated: !overTCP)
        case .noise: return id + [0xFF, 0xFF, 1, 2, 3]
        }
    }

    private static func message(
        _ id: [UInt8],
        _ question: [UInt8],
        _ rows: [DNSRow],
        code: UInt16 = 0,
        isTruncated: Bool = false
    ) -> [UInt8] {
        let flags = 0x8580 | code | (isTruncated ? 0x0200 : 0)
        var bytes =
            id + [
                UInt8(flags >> 8), UInt8(flags & 255), 0, 1, UInt8(rows.count >> 8), UInt8(rows.count & 255), 0, 0, 0,
                0,
            ] + question
        for row in rows {
            bytes += row.owner.isEmpty ? [0xC0, 12] : DNSRow.wire(row.owner)
            bytes += [
                UInt8(row.type >> 8), UInt8(row.type & 255), 0, 1, 0, 0, 0, 60, UInt8(row.data.count >> 8),
                UInt8(row.data.count & 255),
            ]
            bytes += row.data
        }
        return bytes
    }

    private final class Datagrams: ChannelInboundHandler, Sendable {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        typealias OutboundOut = AddressedEnvelope<ByteBuffer>
        private let shared: Unwrapped
        init(_ shared: Unwrapped) { self.shared = shared }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let query = unwrapInboundIn(data)
            guard let answer = shared.server?.answer(Array(query.data.readableBytesView), overTCP: false) else {
                return
            }
            context.writeAndFlush(
                wrapOutboundOut(AddressedEnvelope(remoteAddress: query.remoteAddress, data: ByteBuffer(bytes: answer))),
                promise: nil
            )
        }
    }

    private final class Stream: ChannelInboundHandler, @unchecked Sendable {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let shared: Unwrapped
        /// Used on the channel's loop alone.
        private var input = ByteBuffer()
        init(_ shared: Unwrapped) { self.shared = shared }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            input.writeImmutableBuffer(unwrapInboundIn(data))
            guard let query = input.readLengthPrefixedSlice(as: UInt16.self),
                let answer = shared.server?.answer(Array(query.readableBytesView), overTCP: true)
            else { return }
            var output = ByteBuffer()
            output.writeInteger(UInt16(answer.count))
            output.writeBytes(answer)
            context.writeAndFlush(wrapOutboundOut(output), promise: nil)
        }
    }
}
