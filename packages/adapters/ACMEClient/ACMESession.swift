import AsyncHTTPClient
import FoundationEssentials
import MailCrypto
import MailPorts
import NIOCore
import NIOHTTP1

/// Signed requests to one authority (RFC 8555 §6), one after the other.
///
/// Invariants: only HTTPS; redirects are not followed; answers are bounded; a nonce is used once.
struct ACMESession {
    struct Answer {
        var body: [UInt8]
        var location: String?
        var retryAfter: Int64?

        func decoded<Document: Decodable>(_ type: Document.Type = Document.self) throws(IssuingFault) -> Document {
            do {
                return try JSONDecoder().decode(type, from: Data(body))
            } catch {
                throw IssuingFault("the authority's answer cannot be read")
            }
        }
    }

    /// Octets of an answer.
    private static let longestAnswer = 256 << 10
    /// Requests that are sent again because a nonce was too old (RFC 8555 §6.5).
    private static let mostNonces = 10

    private let http: HTTPClient
    private let key: ACMEAccountKey
    private let options: ACMEOptions
    private let directory: ACMEDirectory
    private var nonce: String?
    private var account: String?

    init(_ options: ACMEOptions, key: ACMEAccountKey, http: HTTPClient) async throws(IssuingFault) {
        (self.options, self.key, self.http) = (options, key, http)
        let found = try await Self.send(http, options, .GET, options.directory, nil)
        guard found.status == 200 else { throw IssuingFault("the directory answers \(found.status)") }
        directory = try found.answer.decoded()
        guard directory.meta?.externalAccountRequired != true else {
            throw IssuingFault("the authority takes only accounts that it knows from elsewhere")
        }
    }

    /// RFC 8555 §7.3: the account of the key, made when there is none.
    mutating func signIn() async throws(IssuingFault) {
        let wanted = NewAccount(contact: options.contacts.map { "mailto:\($0)" })
        let made = try await post(directory.newAccount, wanted)
        guard let place = made.location, Self.isPlain(place) else {
            throw IssuingFault("the authority names no account")
        }
        account = place
    }

    mutating func order(_ names: [String]) async throws(IssuingFault) -> (place: String, order: ACMEOrder) {
        let made = try await post(directory.newOrder, NewOrder(identifiers: names.map { ACMEIdentifier(value: $0) }))
        guard let place = made.location, Self.isPlain(place) else {
            throw IssuingFault("the authority names no order")
        }
        return (place, try made.decoded())
    }

    /// POST-as-GET (RFC 8555 §6.3).
    mutating func get(_ url: String) async throws(IssuingFault) -> Answer { try await post(url, payload: []) }

    mutating func post(_ url: String, _ document: some Encodable) async throws(IssuingFault) -> Answer {
        do {
            return try await post(url, payload: Array(try JSONEncoder().encode(document)))
        } catch let fault as IssuingFault {
            throw fault
        } catch {
            throw IssuingFault("a request cannot be written")
        }
    }

    private mutating func post(_ url: String, payload: [UInt8]) async throws(IssuingFault) -> Answer {
        // It goes into the signed header as it is.
        guard Self.isPlain(url) else { throw IssuingFault("the authority names an address that is none") }
        for _ in 1...Self.mostNonces {
            let body: [UInt8]
            let nonce = try await nextNonce()
            do throws(CryptoError) {
                body = try key.sign(payload, url: url, nonce: nonce, account: account)
            } catch {
                throw IssuingFault("a request cannot be signed")
            }
            let found = try await Self.send(http, options, .POST, url, body)
            self.nonce = found.nonce
            guard found.status >= 300 else { return found.answer }
            let problem = try? found.answer.decoded(ACMEProblem.self)
            if problem?.type == ACMEProblem.badNonce { continue }
            throw IssuingFault(
                "the authority answers \(found.status) \(problem?.text ?? "")",
                retryAfter: found.answer.retryAfter
            )
        }
        throw IssuingFault("the authority takes none of its own nonces")
    }

    private mutating func nextNonce() async throws(IssuingFault) -> String {
        defer { nonce = nil }
        if let nonce { return nonce }
        let found = try await Self.send(http, options, .HEAD, directory.newNonce, nil)
        guard let fresh = found.nonce else { throw IssuingFault("the authority gives no nonce") }
        return fresh
    }

    // MARK: - HTTP

    private struct Found {
        var status: Int
        var answer: Answer
        var nonce: String?
    }

    private static func send(
        _ http: HTTPClient,
        _ options: ACMEOptions,
        _ method: HTTPMethod,
        _ url: String,
        _ body: [UInt8]?
    ) async throws(IssuingFault) -> Found {
        guard isPlain(url) else { throw IssuingFault("the authority's address is not an HTTPS one") }
        var request = HTTPClientRequest(url: url)
        request.method = method
        request.headers.add(name: "user-agent", value: "oonrumail")
        if let body {
            request.headers.add(name: "content-type", value: "application/jose+json")
            request.body = .bytes(body)
        }
        do {
            let answer = try await http.execute(request, timeout: options.timeout)
            let octets = try await answer.body.collect(upTo: longestAnswer)
            let nonce = answer.headers.first(name: "replay-nonce").flatMap { isToken($0) ? $0 : nil }
            return Found(
                status: Int(answer.status.code),
                answer: Answer(
                    body: Array(octets.readableBytesView),
                    location: answer.headers.first(name: "location"),
                    retryAfter: answer.headers.first(name: "retry-after").flatMap { Int64($0) }
                ),
                nonce: nonce
            )
        } catch is NIOTooManyBytesError {
            throw IssuingFault("the authority's answer is too long")
        } catch {
            throw IssuingFault("the authority cannot be reached: \(String(describing: error).prefix(200))")
        }
    }

    /// Whether it may stand in a signed header without escapes, and leads where it says.
    static func isPlain(_ url: String) -> Bool {
        url.utf8.count <= 2_000 && url.utf8.starts(with: "https://".utf8)
            && url.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != 34 && $0 != 92 }
    }

    /// Letters, digits, `-` and `_` (RFC 8555 §6.5.1, §8.3).
    static func isToken(_ text: String) -> Bool {
        (1...256).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                $0 == 45 || $0 == 95 || (48...57).contains($0) || (97...122).contains($0 | 32)
            }
    }
}
