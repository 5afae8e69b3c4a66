import AsyncHTTPClient
package import MailModel
package import MailPorts
package import NIOCore
import NIOHTTP1

package struct ProviderClientOptions: Sendable {
    /// For a whole request.
    package var timeout = TimeAmount.seconds(10)
    /// Networks that are asked although they are not of the public Internet.
    package var networks: [IPNetwork] = []
    /// Takes plain HTTP from this machine; for tests.
    package var takesLoopbackHTTP = false
    package init() {}
}

/// Asks identity providers (`IdentityProviderFetching`).
///
/// A name is resolved here and the connection goes to the address that was judged: a name that means another address a moment
/// later leads nowhere else. Certificates are checked against the name.
package struct ProviderClient: IdentityProviderFetching {
    package static let longestAnswer = 256 << 10
    /// Addresses of one name that are tried.
    private static let mostAddresses = 3

    private let options: ProviderClientOptions
    private let resolver: @Sendable () async throws -> any DNSResolving
    private let group: any EventLoopGroup

    package init(
        _ options: ProviderClientOptions,
        resolver: @escaping @Sendable () async throws -> any DNSResolving,
        group: any EventLoopGroup
    ) {
        self.options = options
        self.resolver = resolver
        self.group = group
    }

    package func mayAsk(_ address: WebAddress) -> Bool {
        if let literal = address.literal, !mayReach(literal, address.isSecure) { return false }
        return address.isSecure || isLocal(address)
    }

    private func isLocal(_ address: WebAddress) -> Bool {
        options.takesLoopbackHTTP && (address.host == "localhost" || address.literal?.isLoopback == true)
    }

    private func mayReach(_ address: IPAddress, _ isSecure: Bool) -> Bool {
        if address.isLoopback, options.takesLoopbackHTTP { return true }
        return isSecure && (address.isPublic || options.networks.contains { $0.contains(address) })
    }

    package func get(
        _ address: WebAddress,
        authorization: String?
    ) async throws(ProviderFetchFault) -> ProviderAnswer {
        try await ask(address, Question(authorization: authorization), Self.readAnswer)
    }

    package func post(
        _ address: WebAddress,
        form: String,
        authorization: String?
    ) async throws(ProviderFetchFault) -> ProviderAnswer {
        let type = ("Content-Type", "application/x-www-form-urlencoded")
        let question = Question(body: Array(form.utf8), headers: [type], authorization: authorization)
        return try await ask(address, question, Self.readAnswer)
    }

    // MARK: - One question

    struct Question: Sendable {
        /// nil: asked by GET.
        var body: [UInt8]?
        var headers: [(name: String, value: String)] = []
        var authorization: String?
    }

    typealias Reading<Answer> = @Sendable (HTTPClientResponse, _ status: Int) async throws -> Answer

    private static func readAnswer(_ response: HTTPClientResponse, _ status: Int) async throws -> ProviderAnswer {
        let body = try await response.body.collect(upTo: longestAnswer)
        return ProviderAnswer(status: status, body: Array(body.readableBytesView))
    }

    func ask<Answer: Sendable>(
        _ address: WebAddress,
        _ question: Question,
        _ read: @escaping Reading<Answer>
    ) async throws(ProviderFetchFault) -> Answer {
        guard mayAsk(address) else { throw .addressRefused }
        let places = try await places(address)
        // One name leads to all of them: none may lead inside.
        guard places.allSatisfy({ mayReach($0, address.isSecure) }) else { throw .addressRefused }
        let deadline = NIODeadline.now() + options.timeout
        for place in places.prefix(Self.mostAddresses).dropLast() {
            do throws(ProviderFetchFault) {
                return try await ask(address, at: place, question, read, deadline)
            } catch .unreachable {
                continue
            } catch {
                throw error
            }
        }
        guard let last = places.prefix(Self.mostAddresses).last else { throw .nameUnknown }
        return try await ask(address, at: last, question, read, deadline)
    }

    /// IPv4 first, as many machines have no other.
    private func places(_ address: WebAddress) async throws(ProviderFetchFault) -> [IPAddress] {
        if let literal = address.literal { return [literal] }
        if isLocal(address), let own = IPAddress("127.0.0.1") { return [own] }
        let found: [IPAddress]
        do {
            found = try await resolver().addresses(address.host).records
        } catch {
            throw .nameUnknown
        }
        return found.filter(\.isIPv4) + found.filter { !$0.isIPv4 }
    }

    private func ask<Answer: Sendable>(
        _ address: WebAddress,
        at place: IPAddress,
        _ question: Question,
        _ read: @escaping Reading<Answer>,
        _ deadline: NIODeadline
    ) async throws(ProviderFetchFault) -> Answer {
        // A client for one question: what it knows of names is for this one.
        let client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration(address, place))
        let outcome: Result<Answer, any Error>
        do {
            outcome = .success(try await answer(client, address, question, read, deadline))
        } catch {
            outcome = .failure(error)
        }
        try? await client.shutdown()
        do {
            return try outcome.get()
        } catch {
            throw Self.fault(error)
        }
    }

    private func configuration(_ address: WebAddress, _ place: IPAddress) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: options.timeout, read: options.timeout),
            decompression: .disabled
        )
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        if address.literal == nil { configuration.dnsOverride = [address.host: place.description] }
        return configuration
    }

    private func answer<Answer: Sendable>(
        _ client: HTTPClient,
        _ address: WebAddress,
        _ question: Question,
        _ read: Reading<Answer>,
        _ deadline: NIODeadline
    ) async throws -> Answer {
        // The host as it was judged, whatever its case was.
        var request = HTTPClientRequest(url: address.origin + address.pathAndQuery)
        request.headers.add(name: "Accept", value: "application/json")
        request.headers.add(name: "User-Agent", value: "oonrumail")
        if let authorization = question.authorization {
            request.headers.add(name: "Authorization", value: authorization)
        }
        for (name, value) in question.headers { request.headers.add(name: name, value: value) }
        if let body = question.body {
            request.method = .POST
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        let response = try await client.execute(request, deadline: deadline)
        let status = Int(response.status.code)
        guard !(300..<400).contains(status) else { throw ProviderFetchFault.redirected }
        return try await read(response, status)
    }

    private static func fault(_ error: any Error) -> ProviderFetchFault {
        switch error {
        case let fault as ProviderFetchFault: fault
        case is NIOTooManyBytesError: .tooLarge
        case let error as HTTPClientError where isLate(error): .tooSlow
        default: .unreachable
        }
    }

    private static func isLate(_ error: HTTPClientError) -> Bool {
        error == .deadlineExceeded || error == .readTimeout || error == .connectTimeout || error == .writeTimeout
    }
}

extension ProviderClient: WebhookSending {
    /// Octets of an answer that are waited for; the status has come before them.
    private static let drained = 16 << 10

    package func send(
        _ body: [UInt8],
        to address: WebAddress,
        headers: [(name: String, value: String)]
    ) async throws(ProviderFetchFault) -> Int {
        try await ask(address, Question(body: body, headers: headers)) { response, status in
            // Whatever is wrong with the rest: the receiver has said what it did.
            _ = try? await response.body.collect(upTo: Self.drained)
            return status
        }
    }
}
