import AsyncHTTPClient
import MailCrypto
package import MailPorts
package import NIOCore
import NIOSSL

/// An authority that is asked by ACME (RFC 8555), with HTTP-01 challenges.
package struct ACMEAuthority: CertificateIssuing {
    private let options: ACMEOptions
    private let key: ACMEAccountKey
    private let group: any EventLoopGroup

    package init(_ options: ACMEOptions, key: ACMEAccountKey, group: any EventLoopGroup) {
        self.options = options
        self.key = key
        self.group = group
    }

    package func issue(
        _ names: [String],
        keyPEM: [UInt8]?,
        board: any ChallengeBoard
    ) async throws(IssuingFault) -> IssuedCertificate {
        let http = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
        let outcome: Result<IssuedCertificate, IssuingFault>
        do throws(IssuingFault) {
            outcome = .success(try await issue(names, keyPEM, board, http))
        } catch {
            outcome = .failure(error)
        }
        try? await http.shutdown()
        return try outcome.get()
    }

    private var configuration: HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        if let roots = options.roots { tls.trustRoots = .file(roots) }
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls,
            redirectConfiguration: .disallow,
            timeout: .init(connect: options.timeout, read: options.timeout)
        )
        // The renewal tries again by itself, and says why it has to.
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }

    private func issue(
        _ names: [String],
        _ keyPEM: [UInt8]?,
        _ board: any ChallengeBoard,
        _ http: HTTPClient
    ) async throws(IssuingFault) -> IssuedCertificate {
        let request: CertificateRequest
        do throws(CryptoError) {
            // A key of another kind is not used on.
            let known = keyPEM.flatMap { try? CertificateRequest(hostNames: names, keyPEM: $0) }
            request = if let known { known } else { try CertificateRequest(hostNames: names) }
        } catch {
            throw IssuingFault("no request can be made for \(names.joined(separator: ", "))")
        }
        let deadline = ContinuousClock.now + options.patience * max(1, names.count)
        var session = try await ACMESession(options, key: key, http: http)
        try await session.signIn()
        var (place, order) = try await session.order(names)
        for authorization in order.authorizations {
            try await prove(authorization, board, &session, deadline)
        }
        _ = try await session.post(order.finalize, Finalization(csr: Base64URL.encode(request.der)))
        order = try await settled(&session, place, deadline) { (found: ACMEOrder) in
            found.status == "valid" || found.status == "invalid"
        }
        guard order.status == "valid", let certificate = order.certificate else {
            throw IssuingFault("the order is \(order.status): \(order.error?.text ?? "no reason given")")
        }
        let chain = try await session.get(certificate).body
        guard let first = Certificate.chain(pem: chain).first, first.hasKey(pem: request.keyPEM),
            names.allSatisfy({ first.isFor($0) })
        else { throw IssuingFault("the authority issued another certificate than was ordered") }
        return IssuedCertificate(chainPEM: chain, keyPEM: request.keyPEM)
    }

    /// Shows that a name leads here.
    private func prove(
        _ url: String,
        _ board: any ChallengeBoard,
        _ session: inout ACMESession,
        _ deadline: ContinuousClock.Instant
    ) async throws(IssuingFault) {
        let found: ACMEAuthorization = try await session.get(url).decoded()
        guard found.status != "valid" else { return }
        let name = found.identifier.value
        guard let challenge = found.challenges.first(where: { $0.type == "http-01" }), let token = challenge.token,
            ACMESession.isToken(token)
        else { throw IssuingFault("the authority offers no HTTP-01 challenge for \(name)") }
        board.put(key.answer(to: token), for: token)
        defer { board.remove(token) }
        _ = try await session.post(challenge.url, Ready())
        let outcome = try await settled(&session, url, deadline) { (found: ACMEAuthorization) in
            found.status != "pending"
        }
        guard outcome.status == "valid" else {
            let reason = outcome.challenges.first { $0.error != nil }?.error?.text ?? "no reason given"
            throw IssuingFault("\(name) is \(outcome.status): \(reason)")
        }
    }

    /// Asks until it is decided, as often as the authority wants (RFC 8555 §7.5.1).
    private func settled<Document: Decodable>(
        _ session: inout ACMESession,
        _ url: String,
        _ deadline: ContinuousClock.Instant,
        _ isSettled: (Document) -> Bool
    ) async throws(IssuingFault) -> Document {
        while true {
            let answer = try await session.get(url)
            let found: Document = try answer.decoded()
            if isSettled(found) { return found }
            let pause = Duration.seconds(min(30, max(1, answer.retryAfter ?? 1)))
            guard ContinuousClock.now + pause < deadline, (try? await Task.sleep(for: pause)) != nil else {
                throw IssuingFault("the authority does not come to a decision")
            }
        }
    }
}
