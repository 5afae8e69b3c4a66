/// One authentication exchange (RFC 4422 §3), server's side; the same for SMTP, IMAP and ManageSieve.
///
/// Octets in and out are decoded: base 64 belongs to the protocol around it.
package struct SASLExchange: Sendable {
    package enum Failure: Error, Hashable, Sendable {
        /// Not the mechanism's grammar, or text that no user name or password may hold.
        case malformed
        case tooLong
    }

    package enum Step: Hashable, Sendable {
        /// Send it; the client's answer goes to `respond`.
        case challenge([UInt8])
        /// To be checked by the caller. `authorizationID` is nil unless the client wants to act as somebody else.
        case credentials(authorizationID: String?, user: String, password: Secret)
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
        }
    }

    package mutating func respond(_ response: [UInt8]) -> Step {
        switch state {
        case .awaitingMessage: finishPlain(response)
        case .awaitingUser: takeUser(response)
        case .awaitingPassword(let user): finishLogin(user: user, password: response)
        case .awaitingStart, .done: fail(.malformed)
        }
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
