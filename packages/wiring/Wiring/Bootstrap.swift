import Accounts
import MailCrypto
import MailModel
import MailPorts
import PlatformConfig

/// The first administrator.
enum Bootstrap {
    static let defaultAdministrator = EmailAddress(uncheckedLocalPart: "admin", domain: "example.test")

    /// Makes organisation, domain and administrator if they are missing.
    ///
    /// Returns the address, and the password if it was made up here: it is shown once and never again.
    static func run(
        _ platform: Platform,
        _ accounts: AccountService
    ) async throws -> (address: EmailAddress, password: String?)? {
        let isNamed = platform.settings.bootstrapAdmin != nil
        let isFirst = try await accounts.isFirstStart()
        guard isNamed || isFirst else { return nil }
        let address = platform.settings.bootstrapAdmin ?? defaultAdministrator
        let given = platform.settings.bootstrapPassword?.text
        let password = given ?? randomPassword()
        let made = try await accounts.bootstrap(
            admin: address,
            password: password,
            domains: platform.domains,
            now: platform.clock.now()
        )
        return made == nil ? nil : (address, given == nil ? password : nil)
    }

    /// 20 letters and digits: 100 bits.
    private static func randomPassword() -> String {
        let alphabet = Array("abcdefghjkmnpqrstvwxyz0123456789".utf8)
        let digits = SecureRandom.bytes(20).map { alphabet[Int($0 & 31)] }
        return stride(from: 0, to: 20, by: 5).map { String(decoding: digits[$0..<($0 + 5)], as: UTF8.self) }.joined(
            separator: "-"
        )
    }
}
