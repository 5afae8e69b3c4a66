import Database
package import MailModel
package import MailPorts

/// What people who sign an organisation up choose to sign in by, when they show the token.
extension SQLStore {
    /// `$1` is the token's hash, `$2` now.
    static let openSignUp = "token_hash = $1 AND expires_at > $2 AND state = 'unverified'"
    static let nothingChosen = "nothing was chosen to sign in by"

    package func signedUpAccount(
        byToken hash: [UInt8],
        now: Timestamp
    ) async throws(StoreError) -> (signUp: SignUp, account: AccountID)? {
        let found = try await database.write { connection throws(StoreError) -> Numbered? in
            let known = try connection.first(
                """
                SELECT \(Self.signUpColumns), account_number FROM sign_ups
                WHERE \(Self.openSignUp)\(connection.dialect.forUpdate)
                """,
                [.bytes(hash), .integer(now.microseconds)]
            ) { row throws(StoreError) in (signUp: try Self.signUp(row), number: row.optionalInteger(8)) }
            guard let known else { return nil }
            if let number = known.number { return Numbered(signUp: known.signUp, account: AccountID(number)) }
            let account = AccountID(try Self.next("account", connection))
            try connection.execute(
                "UPDATE sign_ups SET account_number = $2 WHERE sign_up_id = $1",
                [.integer(known.signUp.id.rawValue), .integer(account.rawValue)]
            )
            return Numbered(signUp: known.signUp, account: account)
        }
        return found.map { ($0.signUp, $0.account) }
    }

    private struct Numbered: Sendable {
        var signUp: SignUp
        var account: AccountID
    }

    /// Puts it in place of what the sign-up has, in the transaction that spends the token.
    static func keep(
        _ chosen: ChosenCredential,
        of hash: [UInt8],
        _ now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        let token: [SQLValue] = [.bytes(hash), .integer(now.microseconds)]
        let changed: Int
        switch chosen {
        case .password(let password):
            changed = try connection.execute(
                "UPDATE sign_ups SET password_hash = $3, passkey = NULL WHERE \(openSignUp)",
                token + [.text(password)]
            )
        case .passkey(let new):
            changed = try connection.execute(
                "UPDATE sign_ups SET password_hash = $3, passkey = $4 WHERE \(openSignUp) AND account_number = $5",
                token + [
                    .text(noPassword), .text(try text(ofWaiting: new)), .integer(new.passkey.account.rawValue),
                ]
            )
        }
        guard changed == 1 else { throw .notFound }
    }

    /// - Throws: `.refused` for a sign-up that has neither password nor passkey.
    static func requireFactor(
        of hash: [UInt8],
        _ now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        let hasNone = try connection.first(
            "SELECT 1 FROM sign_ups WHERE \(openSignUp) AND password_hash = $3 AND passkey IS NULL",
            [.bytes(hash), .integer(now.microseconds), .text(noPassword)]
        ) { _ throws(StoreError) in true }
        guard hasNone != true else { throw .refused(nothingChosen) }
    }
}
