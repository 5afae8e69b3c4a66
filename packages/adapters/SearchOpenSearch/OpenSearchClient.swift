import AsyncHTTPClient
import FoundationEssentials
import MailModel
import NIOCore
import NIOHTTP1
import NIOSSL

/// Why a request has no answer that can be used; never holds a password.
struct OpenSearchFault: Error {
    let cause: String
}

struct OpenSearchAnswer {
    let status: Int
    let body: ByteBuffer

    var isGood: Bool { (200..<300).contains(status) }

    func decode<Document: Decodable>(_ type: Document.Type) throws(OpenSearchFault) -> Document {
        do {
            return try JSONDecoder().decode(type, from: Data(body.readableBytesView))
        } catch {
            throw OpenSearchFault(cause: "an answer that is not what was asked for")
        }
    }

    /// The beginning of an error's text, for the log.
    var summary: String {
        String(decoding: body.readableBytesView.prefix(300).map { $0 < 32 ? 32 : $0 }, as: UTF8.self)
    }
}

/// Requests to OpenSearch's REST interface; nothing is tried twice here.
struct OpenSearchClient: Sendable {
    let options: OpenSearchOptions
    private let http: HTTPClient
    private let authorization: String?

    init(_ options: OpenSearchOptions, _ http: HTTPClient) {
        self.options = options
        self.http = http
        authorization = options.username.map { name in
            "Basic " + Data("\(name):\(options.password ?? "")".utf8).base64EncodedString()
        }
    }

    func send(
        _ method: HTTPMethod,
        _ path: String,
        _ body: JSONValue
    ) async throws(OpenSearchFault) -> OpenSearchAnswer {
        try await send(method, path, try Self.encoded(body))
    }

    func send(
        _ method: HTTPMethod,
        _ path: String,
        _ body: [UInt8] = [],
        type: String = "application/json"
    ) async throws(OpenSearchFault) -> OpenSearchAnswer {
        var request = HTTPClientRequest(url: options.url + path)
        request.method = method
        if let authorization { request.headers.add(name: "Authorization", value: authorization) }
        if !body.isEmpty {
            request.headers.add(name: "Content-Type", value: type)
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        do {
            let response = try await http.execute(request, timeout: TimeAmount(options.requestTimeout))
            let content = try await response.body.collect(upTo: options.maximumAnswer)
            return OpenSearchAnswer(status: Int(response.status.code), body: content)
        } catch {
            throw OpenSearchFault(cause: (error as? HTTPClientError).map { "\($0)" } ?? "\(Swift.type(of: error))")
        }
    }

    static func encoded(_ value: JSONValue) throws(OpenSearchFault) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        do {
            return Array(try encoder.encode(value))
        } catch {
            throw OpenSearchFault(cause: "a value that is no JSON")
        }
    }
}

extension OpenSearchOptions {
    var configuration: HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let authorityFile { tls.trustRoots = .file(authorityFile) }
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls,
            redirectConfiguration: .disallow,
            timeout: .init(connect: TimeAmount(connectTimeout), read: TimeAmount(requestTimeout)),
            connectionPool: .init(
                idleTimeout: .seconds(30),
                concurrentHTTP1ConnectionsPerHostSoftLimit: connections
            ),
            decompression: .disabled
        )
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }
}
