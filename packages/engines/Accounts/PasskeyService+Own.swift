import Logging
import MailCrypto
package import MailModel
package import MailPorts
import WebAuthn

/// An account's own passkeys: registered, named, removed.
extension PasskeyService {
    /// What the browser is asked to make.
    package func creation(_ account: Account, now: Timestamp) async throws(AccountError) -> PasskeyCreation {
        let known = try await list(of: account.id)
        guard known.count < policy.perAccount else {
            throw .store(.refused("an account has at most \(policy.perAccount) passkeys"))
        }
        return PasskeyCreation(
            challenge: challenge(.register, account.id, now).bytes,
            relyingParty: policy.relyingParty,
            relyingPartyName: policy.name,
            userHandle: Self.handle(of: account.id),
            userName: account.primaryAddress.canonical,
            displayName: account.displayName.isEmpty ? account.primaryAddress.canonical : account.displayName,
            algorithms: [.edDSA, .es256, .rs256],
            excluded: known,
            timeoutSeconds: policy.challengeSeconds
        )
    }

    /// Keeps what the browser made (WebAuthn Level 3 §7.1); with recovery codes, this once, when the account had none.
    package func register(
        _ answer: PasskeyRegistration,
        name: String,
        for account: Account,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) -> (passkey: Passkey, recoveryCodes: [String]) {
        let (new, codes) = try read(
            answer,
            .register,
            name: name,
            for: account.id,
            account.primaryAddress,
            needsVerification: false,
            now
        )
        do throws(StoreError) {
            let made = try await store.addPasskey(
                new.passkey,
                spending: new.challenge,
                recoveryHashes: new.recoveryHashes,
                atMost: policy.perAccount,
                audit: event("passkey.add", account, nil, remote, now)
            )
            return (made.passkey, made.tookRecoveryCodes ? codes : [])
        } catch .alreadyExists {
            throw .fieldTaken("name", "the account has this passkey, or one of that name")
        } catch {
            throw .store(error)
        }
    }

    /// A passkey that was made for a challenge, with recovery codes that go with it.
    func read(
        _ answer: PasskeyRegistration,
        _ purpose: PasskeyChallenge.Purpose,
        name: String,
        for account: AccountID,
        _ address: EmailAddress,
        needsVerification: Bool,
        _ now: Timestamp
    ) throws(AccountError) -> (new: NewPasskey, recoveryCodes: [String]) {
        try Self.check(name)
        let read: (challenge: PasskeyChallenge, data: AuthenticatorData, credential: AuthenticatorData.Credential)
        do throws(WebAuthnFault) {
            read = try verify(answer, purpose, of: account, needsVerification, now)
        } catch {
            logger.notice(
                "passkey not registered",
                metadata: ["why": .string(error.description), "account": .string(address.canonical)]
            )
            throw .fieldRefused("credential", "the passkey was not accepted")
        }
        let codes = (0..<SecondFactorLimits.recoveryCodes).map { _ in RecoveryCode.random() }
        let made = Passkey(
            id: PasskeyID(0),
            account: account,
            credential: read.credential.id,
            publicKey: read.credential.cose,
            signCount: read.data.signCount,
            name: name,
            model: read.credential.model,
            transports: Self.transports(answer.transports),
            isBackedUp: read.data.isBackedUp,
            createdAt: now,
            verifiesUser: read.data.isUserVerified
        )
        let hashes = codes.map { $0.hash(for: account) }
        return (NewPasskey(made, spending: read.challenge.spent, recoveryHashes: hashes), codes.map(\.text))
    }

    private func verify(
        _ answer: PasskeyRegistration,
        _ purpose: PasskeyChallenge.Purpose,
        of account: AccountID,
        _ needsVerification: Bool,
        _ now: Timestamp
    ) throws(WebAuthnFault) -> (PasskeyChallenge, AuthenticatorData, AuthenticatorData.Credential) {
        let client = try ClientData(answer.clientData)
        let challenge = try self.challenge(in: client, purpose, account, now)
        let attestation = try AttestationObject(answer.attestation)
        try ceremony(.create, challenge, needsVerification).check(client, attestation.data)
        guard let credential = attestation.data.credential, credential.id == answer.id else { throw .credentialID }
        switch attestation.statement {
        case .none: ()
        case .own(_, let signature):
            guard credential.key.verifies(signature, of: attestation.dataBytes + SHA256.hash(answer.clientData)) else {
                throw .signature
            }
        case .other: guard policy.takesUncheckedAttestation else { throw .attestation }
        }
        return (challenge, attestation.data, credential)
    }

    package func list(of account: AccountID) async throws(AccountError) -> [Passkey] {
        do throws(StoreError) {
            return try await store.passkeys(of: account)
        } catch {
            throw .store(error)
        }
    }

    package func rename(
        _ id: PasskeyID,
        of account: Account,
        to name: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) {
        try Self.check(name)
        do throws(StoreError) {
            try await store.renamePasskey(
                id,
                of: account.id,
                to: name,
                audit: event("passkey.rename", account, id, remote, now)
            )
        } catch .alreadyExists {
            throw .fieldTaken("name", "the account has a passkey of that name")
        } catch {
            throw .store(error)
        }
    }

    package func remove(
        _ id: PasskeyID,
        of account: Account,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) {
        try await Self.remove(
            id,
            of: account,
            removal: .byOwner,
            store: store,
            actor: nil,
            remote: remote,
            now: now
        )
    }

    /// For an operator, who has no key of challenges; `actor` nil: the account itself.
    ///
    /// - Parameter removal: who has lost the last factor enrols another one at the next sign-in.
    package static func remove(
        _ id: PasskeyID,
        of account: Account,
        removal: PasskeyRemoval = .byOperator,
        store: any PasskeyStore,
        actor: String?,
        remote: IPAddress? = nil,
        now: Timestamp
    ) async throws(AccountError) {
        do throws(StoreError) {
            try await store.removePasskey(
                id,
                of: account.id,
                removal: removal,
                audit: AuditEvent(
                    at: now,
                    actor: actor ?? account.primaryAddress.canonical,
                    action: "passkey.remove",
                    subject: account.primaryAddress.canonical,
                    remote: remote,
                    detail: "{\"passkey\":\(id)}"
                )
            )
        } catch .refused(let why) {
            throw .fieldTaken("passkey", why)
        } catch {
            throw .store(error)
        }
    }

    private static func check(_ name: String) throws(AccountError) {
        guard (1...PasskeyPolicy.nameLength).contains(name.utf8.count),
            !name.utf8.contains(where: { $0 < 32 || $0 == 127 })
        else {
            throw .fieldRefused("name", "a name has 1 to \(PasskeyPolicy.nameLength) octets and no control characters")
        }
    }

    /// Words of WebAuthn Level 3 §5.8.4; others that may come are words too.
    private static func transports(_ given: [String]) -> [String] {
        Array(
            given.filter { word in
                (1...20).contains(word.utf8.count) && word.utf8.allSatisfy { (97...122).contains($0) || $0 == 45 }
            }.prefix(PasskeyPolicy.transports)
        )
    }
}
