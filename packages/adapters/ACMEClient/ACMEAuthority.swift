import AsyncHTTPClient
import MailCrypto
package import MailPorts
package import NIOCore
import NIOSSL

/// An authority that is asked by ACME (RFC 8555), with challenges of HTTP-01 or TLS-ALPN-01 (RFC 8737).
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
        by kind: ChallengeKind,
        board: any ChallengeBoard
    ) async throws(IssuingFault) -> IssuedCertificate {
        let http = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
        let outcome: Result<IssuedCertificate, IssuingFault>
        do throws(IssuingFault) {
            outcome = .success(try await issue(names, keyPEM, kind, board, http))
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
        _ kind: ChallengeKind,
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
            try await prove(authorization, of: names, by: kind, board, &session, deadline)
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
        of names: [String],
        by kind: ChallengeKind,
        _ board: any ChallengeBoard,
        _ session: inout ACMESession,
        _ deadline: ContinuousClock.Instant
    ) async throws(IssuingFault) {
        let found: ACMEAuthorization = try await session.get(url).decoded()
        guard found.status != "valid" else { return }
        let name = found.identifier.value
        guard found.identifier.type == "dns", names.contains(name) else {
            throw IssuingFault("the authority asks for a name that was not ordered")
        }
        guard let challenge = found.challenges.first(where: { $0.type == kind.rawValue }), let token = challenge.token,
            ACMESession.isToken(token)
        else {
            throw IssuingFault("the authority offers no \(kind.rawValue) challenge for \(name)", cause: .challenge)
        }
        try post(key.answer(to: token), token, name, kind, on: board)
        defer { withdraw(token, name, kind, from: board) }
        _ = try await session.post(challenge.url, Ready())
        let outcome = try await settled(&session, url, deadline) { (found: ACMEAuthorization) in
            found.status != "pending"
        }
        guard outcome.status == "valid" else {
            let reason = outcome.challenges.first { $0.error != nil }?.error?.text ?? "no reason given"
            throw IssuingFault("\(name) is \(outcome.status) by \(kind.rawValue): \(reason)", cause: .challenge)
        }
    }

    private func post(
        _ answer: String,
        _ token: String,
        _ name: String,
        _ kind: ChallengeKind,
        on board: any ChallengeBoard
    ) throws(IssuingFault) {
        switch kind {
        case .http: board.put(answer, for: token)
        case .tlsALPN:
            do throws(CryptoError) {
                let made = try SelfSignedCertificate(answering: answer, for: name)
                board.show(ChallengeCertificate(certificatePEM: made.certificatePEM, keyPEM: made.keyPEM), for: name)
            } catch {
                throw IssuingFault("no challenge certificate can be made for \(name)")
            }
        }
    }

    private func withdraw(_ token: String, _ name: String, _ kind: ChallengeKind, from board: any ChallengeBoard) {
        switch kind {
        case .http: board.remove(token)
        case .tlsALPN: board.hide(name)
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
