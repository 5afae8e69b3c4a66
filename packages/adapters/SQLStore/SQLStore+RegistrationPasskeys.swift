import Database
import FoundationEssentials
package import MailModel
package import MailPorts

/// Registrations with a passkey.
extension SQLStore {
    package func registeredAccount(
        byToken hash: [UInt8],
        now: Timestamp
    ) async throws(StoreError) -> (registration: Registration, account: AccountID)? {
        let found = try await database.write { connection throws(StoreError) -> Numbered? in
            let known = try connection.first(
                """
                SELECT \(Self.registrationColumns), account_number FROM registrations
                WHERE token_hash = $1 AND expires_at > $2 AND state = 'unverified'\(connection.dialect.forUpdate)
                """,
                [.bytes(hash), .integer(now.microseconds)]
            ) { row throws(StoreError) in (registration: try Self.registration(row), number: row.optionalInteger(8)) }
            guard let known else { return nil }
            if let number = known.number {
                return Numbered(registration: known.registration, account: AccountID(number))
            }
            let account = AccountID(try Self.next("account", connection))
            try connection.execute(
                "UPDATE registrations SET account_number = $2 WHERE registration_id = $1",
                [.integer(known.registration.id.rawValue), .integer(account.rawValue)]
            )
            return Numbered(registration: known.registration, account: account)
        }
        return found.map { ($0.registration, $0.account) }
    }

    private struct Numbered: Sendable {
        var registration: Registration
        var account: AccountID
    }

    /// The number that the account of a registration will have, if it was asked for.
    static func accountNumber(
        of registration: RegistrationID,
        _ connection: any SQLConnection
    ) throws(StoreError) -> AccountID? {
        try connection.first(
            "SELECT account_number FROM registrations WHERE registration_id = $1",
            [.integer(registration.rawValue)]
        ) { row throws(StoreError) in row.optionalInteger(0) }?.map { AccountID($0) }
    }

    /// A passkey that waits for the account that it is for.
    private struct Waiting: Codable {
        var account: Int64
        var credential: Data
        var publicKey: Data
        var signCount: UInt32
        var name: String
        var model: Data
        var transports: [String]
        var isBackedUp: Bool
        var challenge: Data
        var challengeEnds: Int64
        var recoveryHashes: [Data]
    }

    static func text(ofWaiting new: NewPasskey) throws(StoreError) -> String {
        let passkey = new.passkey
        let waiting = Waiting(
            account: passkey.account.rawValue,
            credential: Data(passkey.credential),
            publicKey: Data(passkey.publicKey),
            signCount: passkey.signCount,
            name: passkey.name,
            model: Data(passkey.model),
            transports: passkey.transports,
            isBackedUp: passkey.isBackedUp,
            challenge: Data(new.challenge.hash),
            challengeEnds: new.challenge.expiresAt.microseconds,
            recoveryHashes: new.recoveryHashes.map { Data($0) }
        )
        do {
            return String(decoding: try JSONEncoder().encode(waiting), as: UTF8.self)
        } catch {
            throw .refused("the passkey cannot be written")
        }
    }

    /// - Throws: `.refused` for a text that is none, which only a registration has that nobody can approve.
    static func waitingPasskey(_ text: String) throws(StoreError) -> NewPasskey {
        let known: Waiting
        do {
            known = try JSONDecoder().decode(Waiting.self, from: Data(text.utf8))
        } catch {
            throw .refused("the passkey of the registration does not read")
        }
        return NewPasskey(
            Passkey(
                id: PasskeyID(0),
                account: AccountID(known.account),
                credential: Array(known.credential),
                publicKey: Array(known.publicKey),
                signCount: known.signCount,
                name: known.name,
                model: Array(known.model),
                transports: known.transports,
                isBackedUp: known.isBackedUp,
                createdAt: Timestamp(microseconds: 0),
                // Nothing else is taken where it is the only way in.
                verifiesUser: true
            ),
            spending: SpentChallenge(
                hash: Array(known.challenge),
                expiresAt: Timestamp(microseconds: known.challengeEnds)
            ),
            recoveryHashes: known.recoveryHashes.map { Array($0) }
        )
    }
}
