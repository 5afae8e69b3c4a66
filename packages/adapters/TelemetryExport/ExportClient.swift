import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// Posts to a collector: one attempt within a limit, no redirects, small answers.
final class ExportClient: Sendable {
    struct Answer {
        let status: Int
        let fields: HTTPHeaders
    }

    /// Octets of an answer that are read.
    private static let maximumAnswer = 64 << 10

    private let http: HTTPClient
    private let timeout: TimeAmount

    init(group: any EventLoopGroup, timeout: TimeAmount) {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(3), read: timeout),
            connectionPool: .init(idleTimeout: .seconds(30), concurrentHTTP1ConnectionsPerHostSoftLimit: 2),
            decompression: .disabled
        )
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        http = HTTPClient(eventLoopGroup: group, configuration: configuration)
        self.timeout = timeout
    }

    func post(_ url: String, _ fields: [(String, String)], _ body: [UInt8]) async throws -> Answer {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        for (name, value) in fields { request.headers.add(name: name, value: value) }
        request.body = .bytes(ByteBuffer(bytes: body))
        let response = try await http.execute(request, timeout: timeout)
        _ = try await response.body.collect(upTo: Self.maximumAnswer)
        return Answer(status: Int(response.status.code), fields: response.headers)
    }

    func close() async { try? await http.shutdown() }

    deinit {
        // The client must be told before it goes; once more does no harm.
        let http = self.http
        Task { try? await http.shutdown() }
    }
}
