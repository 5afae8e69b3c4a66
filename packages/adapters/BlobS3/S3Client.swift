import AsyncHTTPClient
import Logging
import MailModel
import NIOCore
import NIOHTTP1
import NIOSSL

/// What became of a request.
struct S3Answer: Sendable {
    let status: Int
    let body: ByteBuffer
    let fields: HTTPHeaders
    var bytes: [UInt8] { Array(body.readableBytesView) }
}

/// Why a request has no answer.
enum S3Fault: Error {
    case missing
    /// Nothing of the service: what should be sent cannot be read.
    case local(String)
    case failed(String)
    case damaged(String)
}

/// Signed requests to one bucket, tried again when what stopped them may pass.
struct S3Client: Sendable {
    let options: S3Options
    private let http: HTTPClient
    private let signature: S3Signature
    /// Of the Host field.
    private let host: String
    private let base: String
    private let clock: any WallClock

    init(_ options: S3Options, _ http: HTTPClient, clock: any WallClock) {
        self.options = options
        self.http = http
        self.clock = clock
        signature = S3Signature(
            accessKeyID: options.accessKeyID,
            secretAccessKey: options.secretAccessKey,
            region: options.region
        )
        let parts = options.endpoint.utf8.split(separator: UInt8(ascii: "/")).map {
            String(decoding: $0, as: UTF8.self)
        }
        let place = parts.count > 1 ? parts[1] : parts.first ?? ""
        let scheme = parts.count > 1 ? parts[0] : "https:"
        host = options.usesPathStyle ? place : "\(options.bucket).\(place)"
        base = "\(scheme)//\(host)"
    }

    /// Sends it, again if need be; `onBody` is called for every piece of a good answer, from the start in each attempt.
    func send(
        _ method: HTTPMethod,
        _ key: String,
        query: [S3Signature.Field] = [],
        fields: [S3Signature.Field] = [],
        body: ByteBuffer? = nil,
        digest: String? = nil,
        maximumAnswer: Int = 8 << 20
    ) async throws(S3Fault) -> S3Answer {
        let digest = digest ?? S3Signature.digest(body.map { Array($0.readableBytesView) } ?? [])
        var wait = options.firstRetry
        for attempt in 1... {
            do {
                let answer = try await once(method, key, query, fields, body, digest, maximumAnswer)
                guard Self.mayPass(answer), attempt < options.maximumAttempts else { return answer }
            } catch {
                if error is NIOTooManyBytesError { throw .damaged("an answer of more than \(maximumAnswer) octets") }
                guard attempt < options.maximumAttempts, !Task.isCancelled else { throw .failed(Self.cause(error)) }
            }
            // Half of the wait is by chance, so that many processes do not come back at once.
            try? await Task.sleep(for: wait / 2 + wait / 2 * Double.random(in: 0...1))
            wait = wait * 2
        }
        throw .failed("never tried")
    }

    /// Errors that the server itself says to try again.
    private static func mayPass(_ answer: S3Answer) -> Bool {
        if [500, 502, 503, 504, 429, 408].contains(answer.status) { return true }
        guard answer.status == 400 else { return false }
        return ["RequestTimeout", "IncompleteBody"].contains(S3Text.value(of: "Code", in: answer.bytes))
    }

    /// Without anything that could be secret.
    private static func cause(_ error: any Error) -> String {
        (error as? HTTPClientError).map { "\($0)" } ?? "\(error)"
    }

    func request(
        _ method: HTTPMethod,
        _ key: String,
        _ query: [S3Signature.Field],
        _ fields: [S3Signature.Field],
        _ digest: String
    ) -> HTTPClientRequest {
        let now = clock.now()
        let path =
            (options.usesPathStyle ? "/\(options.bucket)" : "") + (key.isEmpty ? "/" : "/\(options.prefix)\(key)")
        let signed =
            fields + [
                .init("host", host), .init("x-amz-date", S3Signature.moment(now)),
                .init("x-amz-content-sha256", digest),
            ]
        let text = S3Signature.queryText(query)
        var request = HTTPClientRequest(
            url: base + S3Signature.encoded(path, keepsSlashes: true) + (text.isEmpty ? "" : "?\(text)")
        )
        request.method = method
        for field in signed { request.headers.replaceOrAdd(name: field.name, value: field.value) }
        request.headers.replaceOrAdd(
            name: "authorization",
            value: signature.authorization(
                method.rawValue,
                path: path,
                query: query,
                fields: signed,
                digest: digest,
                now: now
            )
        )
        return request
    }

    private func once(
        _ method: HTTPMethod,
        _ key: String,
        _ query: [S3Signature.Field],
        _ fields: [S3Signature.Field],
        _ body: ByteBuffer?,
        _ digest: String,
        _ maximum: Int
    ) async throws -> S3Answer {
        var request = request(method, key, query, fields, digest)
        if let body { request.body = .bytes(body) }
        let response = try await http.execute(request, timeout: TimeAmount(options.attemptTimeout))
        let content = try await method == .HEAD ? ByteBuffer() : response.body.collect(upTo: maximum)
        return S3Answer(status: Int(response.status.code), body: content, fields: response.headers)
    }

    /// Every piece of an object, in order; one attempt.
    func stream(_ key: String, _ onPiece: (ByteBuffer) -> Void) async throws(S3Fault) -> Int {
        do {
            let response = try await http.execute(
                request(.GET, key, [], [], S3Signature.digest([])),
                timeout: TimeAmount(.seconds(3_600))
            )
            guard response.status.code == 200 else { return Int(response.status.code) }
            for try await piece in response.body { onPiece(piece) }
            return 200
        } catch {
            throw .failed(Self.cause(error))
        }
    }
}

extension S3Options {
    var configuration: HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let authorityFile { tls.trustRoots = .file(authorityFile) }
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls,
            redirectConfiguration: .disallow,
            timeout: .init(connect: TimeAmount(connectTimeout), read: TimeAmount(readTimeout)),
            connectionPool: .init(
                idleTimeout: .seconds(30),
                concurrentHTTP1ConnectionsPerHostSoftLimit: connections
            ),
            ignoreUncleanSSLShutdown: false,
            decompression: .disabled
        )
        configuration.httpVersion = .http1Only
        // Attempts are counted in one place: a server that refuses connections is known as away within a second.
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }
}
