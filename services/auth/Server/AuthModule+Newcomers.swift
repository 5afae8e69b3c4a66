import Accounts
import MailDelivery
import MailPorts
import PlatformConfig
import ServiceHost
import SingleSignOn

/// How people come in, and back in.
extension AuthModule {
    static func recovery(
        _ context: ServiceContext,
        _ mailer: PlatformMailer
    ) async throws -> RecoveryService {
        var limits = RecoveryLimits()
        limits.lifetimeSeconds = context.settings.passwordResetLifetime.components.seconds
        limits.mails = context.settings.passwordResetMails
        limits.requests = context.settings.passwordResetRequests
        return RecoveryService(
            store: try await context.ports.recovery(),
            directory: try await context.ports.directory(),
            accounts: context.accounts,
            notices: mailer,
            limiter: try await context.ports.limits(),
            limits: limits,
            demandedProvider: { [authenticator = context.authenticator] account async throws(StoreError) in
                if let domain = try await authenticator.provider(demandedOf: account) { return domain }
                return try await authenticator.directory(demandedOf: account)
            },
            conduct: context.conduct
        )
    }

    static func signUps(
        _ context: ServiceContext,
        _ mailer: PlatformMailer
    ) async throws -> SignUpService {
        var limits = SignUpLimits()
        switch context.settings.signUp {
        case .open: limits.mode = .open
        case .approval: limits.mode = .approval
        case .closed: limits.mode = .closed
        }
        limits.lifetimeSeconds = context.settings.signUpLifetime.components.seconds
        limits.decisionSeconds = context.settings.signUpDecision.components.seconds
        limits.requests = context.settings.signUpRequests
        limits.open = context.settings.signUpsOpen
        limits.operatorMails = context.settings.waitingMails
        return SignUpService(
            store: try await context.ports.signUps(),
            directory: try await context.ports.directory(),
            people: try await context.ports.people(),
            accounts: context.accounts,
            notices: mailer,
            limiter: try await context.ports.limits(),
            limits: limits,
            conduct: context.conduct,
            passkeys: context.passkeys
        )
    }

    static func registrations(
        _ context: ServiceContext,
        _ mailer: PlatformMailer
    ) async throws -> RegistrationService {
        var limits = RegistrationLimits()
        limits.lifetimeSeconds = context.settings.registrationLifetime.components.seconds
        limits.decisionSeconds = context.settings.registrationDecision.components.seconds
        limits.requests = context.settings.registrationRequests
        limits.perDomain = context.settings.registrationsPerDomain
        limits.managerMails = context.settings.waitingMails
        return RegistrationService(
            store: try await context.ports.registrations(),
            directory: try await context.ports.directory(),
            policies: try await context.ports.policies(),
            people: try await context.ports.people(),
            permissions: try await context.ports.domainPermissions(),
            accounts: context.accounts,
            notices: mailer,
            limiter: try await context.ports.limits(),
            limits: limits,
            demandsProvider: { [authenticator = context.authenticator] domain async throws(StoreError) in
                if try await authenticator.demandsProvider(domain) { return true }
                return try await authenticator.demandsDirectory(domain)
            },
            conduct: context.conduct,
            passkeys: context.passkeys
        )
    }

    static func invitations(
        _ context: ServiceContext,
        _ people: PeopleService,
        _ mailer: PlatformMailer
    ) async throws -> InvitationService {
        var limits = InvitationLimits()
        limits.lifetimeSeconds = context.settings.invitationLifetime.components.seconds
        limits.open = context.settings.invitationsOpen
        limits.tries = context.settings.passwordResetRequests
        return InvitationService(
            store: try await context.ports.invitations(),
            people: people,
            accounts: context.accounts,
            notices: mailer,
            limiter: try await context.ports.limits(),
            limits: limits,
            passkeys: context.passkeys,
            conduct: context.conduct
        )
    }
}
