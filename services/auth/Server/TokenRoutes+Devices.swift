import Accounts
import HTTPKit
import MailModel
import MailPorts
import OpenIDProvider
import OpenIDWire

/// Devices that show a code (RFC 8628).
extension TokenRoutes {
    func poll(
        _ request: APIRequest,
        _ fields: FormFields,
        _ client: OAuthClient
    ) async throws -> APIResponse {
        guard let code = fields["device_code"], code.utf8.count <= 128 else {
            throw OAuthFault(.invalidRequest, "device_code is missing")
        }
        let outcome = try await context.grants.pollDeviceRequest(
            DeviceCode.hash(device: code),
            client: client.id,
            now: context.auth.clock.now()
        )
        switch outcome {
        case .pending: throw OAuthFault(.authorizationPending, "nobody has decided yet")
        case .slowDown: throw OAuthFault(.slowDown, "this was asked too soon")
        case .denied: throw OAuthFault(.accessDenied, "access was not allowed")
        case .expired: throw OAuthFault(.expiredToken, "the code is too old")
        case .unknown:
            noteWrong(.deviceCode, code, request)
            throw OAuthFault(.invalidGrant, "the code is not good")
        case .allowed(let asked, let authentication):
            guard let account = try await context.directory.account(authentication.account), account.status == .active
            else { throw OAuthFault(.invalidGrant, "the code is not good") }
            return try await begin(client, asked.scopes, account, authentication, nil, request)
        }
    }

    /// RFC 8628 §3.1.
    func authorizeDevice(
        _ request: APIRequest,
        _ fields: FormFields,
        _ client: OAuthClient
    ) async throws -> APIResponse {
        // Its code can be asked for from afar: whoever sends somebody the link to it would get the tokens.
        guard !client.isSelfRegistered else {
            throw OAuthFault(.unauthorizedClient, "a program that registered itself is let in on its own device")
        }
        let scopes: [String]
        do throws(AuthorizationRequest.Refusal) {
            scopes = try AuthorizationRequest.scopes(fields["scope"], client) {
                .answer(OAuthFault($0, $1), redirectURI: "", state: nil)
            }
        } catch {
            guard case .answer(let fault, _, _) = error else {
                throw OAuthFault(.invalidScope, "the scope is not good")
            }
            throw fault
        }
        let (device, user) = (DeviceCode.random(), DeviceCode.randomUserCode())
        try await context.grants.addDeviceRequest(
            DeviceRequest(
                deviceHash: DeviceCode.hash(device: device),
                userHash: DeviceCode.hash(user: user),
                client: client.id,
                scopes: scopes,
                expiresAt: context.auth.clock.now().adding(seconds: DeviceCode.lifetime)
            ),
            intervalSeconds: DeviceCode.interval
        )
        var members = JSONMembers()
        members.add("device_code", device)
        members.add("user_code", user)
        members.add("verification_uri", context.issuer + ProviderDocument.devicePage)
        members.add("verification_uri_complete", context.issuer + ProviderDocument.devicePage + "?user_code=" + user)
        members.add("expires_in", DeviceCode.lifetime)
        members.add("interval", DeviceCode.interval)
        return Self.json(members)
    }
}
