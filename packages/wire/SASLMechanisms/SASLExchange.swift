import ByteParsing

/// One authentication exchange (RFC 4422 §3), server's side; the same for SMTP, IMAP and ManageSieve.
///
/// Octets in and out are decoded: base 64 belongs to the protocol around it.
package struct SASLExchange: Sendable {
    package enum Failure: Error, Hashable, Sendable {
        /// Not the mechanism's grammar, or text that no user name or password may hold.
        case malformed
        case tooLong
        /// The token was refused, and the client has taken note of why.
        case refusedToken
    }

    package enum Step: Hashable, Sendable {
        /// Send it; the client's answer goes to `respond`.
        case challenge([UInt8])
        /// To be checked by the caller. `authorizationID` is nil unless the client wants to act as somebody else.
        case credentials(authorizationID: String?, user: String, password: Secret)
        /// Whose salt is wanted; goes on with `challenge(salt:iterations:nonce:)`.
        case salt(authorizationID: String?, user: String)
        /// To be checked by the caller; goes on with `proven(serverSignature:)` when it is right.
        case proof(SCRAMProof)
        /// To be checked by the caller; goes on with `refusedToken` when it is not good. `authorizationID` is the account
        /// that the client means, nil when it does not say.
        case token(authorizationID: String?, token: Secret)
        /// The client has taken the server's own proof.
        case completed
        case failed(Failure)
    }

    /// Octets of a user name or authorization identity (RFC 4616 §2 allows 255 octets and more; ours are addresses).
    package static let maximumName = 320
    /// Octets of a password.
    package static let maximumPassword = 1024

    private enum State {
        case awaitingStart
        case awaitingMessage
        case awaitingUser
        case awaitingPassword(user: String)
        case awaitingSalt(SCRAMExchange)
        case awaitingProof(SCRAMExchange)
        case checkingProof
        case awaitingCompletion
        case checkingToken
        case awaitingRefusalNoted
        case done
    }

    package let mechanism: SASLServerMechanism
    private var state = State.awaitingStart

    package init(_ mechanism: SASLServerMechanism) { self.mechanism = mechanism }

    /// `initialResponse` nil: the client sent none; empty: it sent an empty one.
    package mutating func start(initialResponse: [UInt8]?) -> Step {
        guard case .awaitingStart = state else { return fail(.malformed) }
        switch mechanism {
        case .plain:
            guard let initialResponse else {
                state = .awaitingMessage
                return .challenge([])
            }
            return finishPlain(initialResponse)
        case .login:
            guard let initialResponse, !initialResponse.isEmpty else {
                state = .awaitingUser
                return .challenge(Array("Username:".utf8))
            }
            return takeUser(initialResponse)
        case .scramSHA256, .oauthBearer, .xoauth2:
            guard let initialResponse, !initialResponse.isEmpty else {
                state = .awaitingMessage
                return .challenge([])
            }
            return takeMessage(initialResponse)
        }
    }

    package mutating func respond(_ response: [UInt8]) -> Step {
        switch state {
        case .awaitingMessage: takeMessage(response)
        case .awaitingUser: takeUser(response)
        case .awaitingPassword(let user): finishLogin(user: user, password: response)
        case .awaitingProof(let exchange): takeProof(response, exchange)
        // RFC 5802 §5: the client answers the server's signature with nothing.
        case .awaitingCompletion: response.isEmpty ? complete() : fail(.malformed)
        // RFC 7628 §3.2.3: "a dummy client response" (%x01); XOAUTH2's is empty. Whatever it is, the exchange fails.
        case .awaitingRefusalNoted: fail(.refusedToken)
        case .awaitingStart, .awaitingSalt, .checkingProof, .checkingToken, .done: fail(.malformed)
        }
    }

    private mutating func takeMessage(_ message: [UInt8]) -> Step {
        switch mechanism {
        case .plain, .login: finishPlain(message)
        case .scramSHA256: takeFirst(message)
        case .oauthBearer, .xoauth2: takeToken(message)
        }
    }

    private mutating func complete() -> Step {
        state = .done
        return .completed
    }

    // MARK: - SCRAM and tokens

    private mutating func takeFirst(_ message: [UInt8]) -> Step {
        do throws(Failure) {
            let exchange = try SCRAMExchange(clientFirst: message)
            state = .awaitingSalt(exchange)
            return .salt(authorizationID: exchange.authorizationID, user: exchange.user)
        } catch {
            return fail(error)
        }
    }

    /// After `.salt`: `nonce` is the server's part: random, printable, no comma.
    package mutating func challenge(salt: [UInt8], iterations: Int, nonce: [UInt8]) -> Step {
        guard case .awaitingSalt(var exchange) = state else { return fail(.malformed) }
        let message = exchange.serverFirst(salt: salt, iterations: iterations, nonce: nonce)
        state = .awaitingProof(exchange)
        return .challenge(message)
    }

    private mutating func takeProof(_ message: [UInt8], _ exchange: SCRAMExchange) -> Step {
        do throws(Failure) {
            let proof = try exchange.proof(clientFinal: message)
            state = .checkingProof
            return .proof(proof)
        } catch {
            return fail(error)
        }
    }

    /// After `.proof`: the server proves in turn that it knows the password.
    package mutating func proven(serverSignature: [UInt8]) -> Step {
        guard case .checkingProof = state else { return fail(.malformed) }
        state = .awaitingCompletion
        return .challenge(Array("v=".utf8) + Base64.encode(serverSignature))
    }

    private mutating func takeToken(_ message: [UInt8]) -> Step {
        do throws(Failure) {
            let bearer = mechanism == .xoauth2 ? try BearerMessage.xoauth2(message) : try .oauthBearer(message)
            state = .checkingToken
            return .token(authorizationID: bearer.authorizationID, token: bearer.token)
        } catch {
            return fail(error)
        }
    }

    /// After `.token`: says in JSON that it is not good (RFC 7628 §3.2.2), and no more than that.
    package mutating func refusedToken(_ refusal: TokenRefusal = TokenRefusal()) -> Step {
        guard case .checkingToken = state else { return fail(.malformed) }
        state = .awaitingRefusalNoted
        return .challenge(Array(refusal.text(mechanism).utf8))
    }

    // MARK: - PLAIN

    /// `message = [authzid] UTF8NUL authcid UTF8NUL passwd` (RFC 4616 §2).
    private mutating func finishPlain(_ message: [UInt8]) -> Step {
        guard message.count <= 2 * Self.maximumName + Self.maximumPassword + 2 else { return fail(.tooLong) }
        let parts = message.split(separator: 0, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return fail(.malformed) }
        do throws(Failure) {
            let authorization = parts[0].isEmpty ? nil : try SASLText.name(parts[0])
            let user = try SASLText.name(parts[1])
            let password = try SASLText.password(parts[2])
            state = .done
            // Acting as oneself is not acting as another.
            return .credentials(
                authorizationID: authorization == user ? nil : authorization,
                user: user,
                password: password
            )
        } catch {
            return fail(error)
        }
    }

    // MARK: - LOGIN

    private mutating func takeUser(_ response: [UInt8]) -> Step {
        do throws(Failure) {
            state = .awaitingPassword(user: try SASLText.name(response[...]))
            return .challenge(Array("Password:".utf8))
        } catch {
            return fail(error)
        }
    }

    private mutating func finishLogin(user: String, password: [UInt8]) -> Step {
        do throws(Failure) {
            let password = try SASLText.password(password[...])
            state = .done
            return .credentials(authorizationID: nil, user: user, password: password)
        } catch {
            return fail(error)
        }
    }

    private mutating func fail(_ failure: Failure) -> Step {
        state = .done
        return .failed(failure)
    }
}
