import FoundationEssentials
import HTTPKit
import Logging
import MailModel
import NIOCore
import NIOPosix
import ServiceLifecycle

/// What a server answered.
struct Answer: Sendable {
    var status: Int
    /// Names in lower case.
    var headers: [String: String]
    var body: String

    func json(_ key: String) -> String? {
        guard let object = try? JSONDecoder().decode([String: Loose].self, from: Data(body.utf8)) else { return nil }
        return object[key]?.text
    }
}

/// A JSON value as text.
struct Loose: Decodable {
    var text: String
    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let string = try? value.decode(String.self) {
            text = string
        } else if let number = try? value.decode(Int.self) {
            text = "\(number)"
        } else {
            text = "…"
        }
    }
}

/// What a test's listener has that others have not.
struct ListenerChange: Sendable {
    var apply: @Sendable (inout HTTPServiceConfiguration) -> Void
    static func gate(_ gate: RequestGate) -> ListenerChange { ListenerChange(apply: { $0.gate = gate }) }
    static func origins(_ origins: Set<String>) -> ListenerChange {
        ListenerChange(apply: { $0.crossOrigins = origins })
    }
    static let requiringMatch = ListenerChange(apply: { $0.requiresMatch = true })
    static func timeouts(_ time: TimeAmount) -> ListenerChange {
        ListenerChange(apply: { ($0.idleTimeout, $0.bodyTimeout) = (time, time) })
    }
}

/// Runs a real listener on a free port of the loopback interface for the closure.
func withServer(
    _ routes: [RouteSet],
    bodyLimit: Int = 1 << 20,
    trustedProxies: [IPNetwork] = [],
    with change: ListenerChange = ListenerChange(apply: { _ in }),
    _ body: @Sendable (LoopbackClient) async throws -> Void
) async throws {
    var configuration = HTTPServiceConfiguration(host: "127.0.0.1", port: 0)
    configuration.bodyLimit = bodyLimit
    configuration.trustedProxies = trustedProxies
    change.apply(&configuration)
    let (ports, running) = AsyncStream.makeStream(of: Int.self)
    let service = HTTPService(configuration, routes: routes, group: MultiThreadedEventLoopGroup.singleton) {
        running.yield($0)
    }
    let group = ServiceGroup(services: [service], logger: .init(label: "test"))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        var iterator = ports.makeAsyncIterator()
        guard let port = await iterator.next() else { return }
        do {
            try await body(LoopbackClient(port: port))
        } catch {
            await group.triggerGracefulShutdown()
            throw error
        }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
    }
}

/// The least of an HTTP/1.1 client: one request a connection.
struct LoopbackClient: Sendable {
    let port: Int

    func send(
        _ method: String,
        _ path: String,
        json: String? = nil,
        token: String? = nil,
        headers: [String: String] = [:]
    ) async throws -> Answer {
        var text = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        if let token { text += "Authorization: Bearer \(token)\r\n" }
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if let json {
            text += "Content-Type: application/json\r\nContent-Length: \(json.utf8.count)\r\n\r\n\(json)"
        } else {
            text += "\r\n"
        }
        return try await raw(text)
    }

    func raw(_ text: String) async throws -> Answer {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(
            host: "127.0.0.1",
            port: port
        ) { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: text))
            var read: [UInt8] = []
            do {
                for try await part in inbound { read += Array(part.readableBytesView) }
            } catch  where !read.isEmpty {
                // The server closed after its answer.
            }
            return Self.parse(read)
        }
    }

    private static func parse(_ bytes: [UInt8]) -> Answer {
        var headEnd = bytes.count
        for index in bytes.indices.dropLast(3) where Array(bytes[index..<(index + 4)]) == [13, 10, 13, 10] {
            headEnd = index
            break
        }
        let lines = bytes[..<headEnd].split(separator: 10).map {
            String(decoding: $0.filter { $0 != 13 }, as: UTF8.self)
        }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { headers[parts[0].lowercased()] = parts[1].drop { $0 == " " }.description }
        }
        let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return Answer(
            status: status,
            headers: headers,
            body: String(decoding: bytes.dropFirst(headEnd + 4), as: UTF8.self)
        )
    }
}
