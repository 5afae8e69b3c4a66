import Accounts
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import Telemetry
import Testing

@Suite struct PasskeyTests {
    let directory = FakeDirectory()
    let store = FakeCredentials()
    let clock = ManualClock()

    private struct House {
        var service: PasskeyService
        var ann: Account
        var device: SoftAuthenticator
        var handle: [UInt8]
    }

    private func service(_ change: (inout PasskeyPolicy) -> Void = { _ in }) -> PasskeyService {
        var policy = PasskeyPolicy(
            relyingParty: "mail.example.test",
            name: "Mail",
            origins: ["https://mail.example.test"]
        )
        change(&policy)
        return PasskeyService(
            store: store,
            directory: directory,
            key: [UInt8](repeating: 1, count: 32),
            policy: policy
        )
    }

    private func account(_ name: String) async throws -> Account {
        try await directory.addAccount(
            NewAccount(
                organisation: OrganisationID(1),
                address: try #require(EmailAddress("\(name)@shop.test")),
                passwordHash: "x"
            )
        )
    }

    private func ready() async throws -> House {
        _ = try await directory.addDomain("shop.test", organisation: OrganisationID(1), keys: [])
        let (service, ann) = (service(), try await account("ann"))
        let creation = try await service.creation(ann, now: clock.now())
        let device = SoftAuthenticator()
        _ = try await service.register(
            device.register(creation),
            name: "Phone",
            for: ann,
            remote: nil,
            now: clock.now()
        )
        return House(service: service, ann: ann, device: device, handle: creation.userHandle)
    }

    private func passes(_ outcome: PasskeyOutcome) -> Bool {
        if case .passed = outcome { true } else { false }
    }

    private func signIn(
        _ house: House,
        _ device: SoftAuthenticator? = nil,
        address: String? = nil,
        handle: [UInt8]? = nil
    ) async throws -> Bool {
        let request = try await house.service.signInRequest(nil, now: clock.now())
        return passes(
            try await house.service.signIn(
                (device ?? house.device).sign(request, as: address == nil ? handle ?? house.handle : nil),
                address: address.flatMap { EmailAddress($0) },
                remote: nil,
                now: clock.now()
            )
        )
    }

    @Test func aRegisteredPasskeySignsInWithAndWithoutTheAddress() async throws {
        let house = try await ready()
        #expect(try await signIn(house))
        #expect(try await signIn(house, address: "ann@shop.test"))
        #expect(try await !signIn(house, address: "bob@shop.test"))
        #expect(try await !signIn(house, handle: [0, 0, 0, 0, 0, 0, 0, 99]))
        #expect(try await !signIn(house, handle: [255, 255, 255, 255, 255, 255, 255, 255]))
        let known = try await store.passkeys(of: house.ann.id)
        #expect(known.map(\.name) == ["Phone"] && known[0].lastUse?.at == clock.now())
        #expect(known[0].transports == ["internal"])
        #expect(store.audit.map(\.action) == ["passkey.add", "passkey.sign_in", "passkey.sign_in"])
        try await directory.setAccountStatus(house.ann.id, .suspended)
        #expect(try await !signIn(house))
    }

    @Test func whatAHostileAnswerHasWrongIsRefused() async throws {
        let house = try await ready()
        let wrong: [(inout SoftAuthenticator) -> Void] = [
            { $0.origin = "https://mail.example.test.evil.test" }, { $0.origin = "http://mail.example.test" },
            { $0.relyingParty = "evil.test" }, { $0.flags = 0x01 }, { $0.flags = 0x04 }, { $0.flags = 0x15 },
            { $0.key = Ed25519PrivateKey() }, { $0.id[0] ^= 1 },
        ]
        for change in wrong {
            var device = house.device
            change(&device)
            #expect(try await !signIn(house, device))
        }
        #expect(directory.audit.map(\.action).allSatisfy { $0 == "passkey.refused" || $0.starts(with: "account") })
        #expect(try await signIn(house))
    }

    @Test func aChallengeIsAnsweredOnceForItsPurposeAndInTime() async throws {
        let house = try await ready()
        let request = try await house.service.signInRequest(nil, now: clock.now())
        let answer = house.device.sign(request, as: house.handle)
        func again() async throws -> Bool {
            passes(try await house.service.signIn(answer, address: nil, remote: nil, now: clock.now()))
        }
        // Another replica: the same key, nothing else shared but the store.
        let other = service()
        #expect(passes(try await other.signIn(answer, address: nil, remote: nil, now: clock.now())))
        #expect(try await !again())
        let second = try #require(try await house.service.secondFactorRequest(house.ann, now: clock.now()))
        let answered = house.device.sign(second, as: nil)
        #expect(
            passes(
                try await house.service.signIn(
                    answered,
                    address: house.ann.primaryAddress,
                    remote: nil,
                    now: clock.now()
                )
            )
                == false
        )
        let bob = try await account("bob")
        #expect(
            passes(try await house.service.completeSecondFactor(answered, of: bob, remote: nil, now: clock.now()))
                == false
        )
        #expect(
            passes(try await house.service.completeSecondFactor(answered, of: house.ann, remote: nil, now: clock.now()))
        )
        let late = house.device.sign(try await house.service.signInRequest(nil, now: clock.now()), as: house.handle)
        clock.advance(seconds: 300)
        #expect(passes(try await house.service.signIn(late, address: nil, remote: nil, now: clock.now())) == false)
        var forged = late
        forged.clientData[40] ^= 1
        #expect(passes(try await house.service.signIn(forged, address: nil, remote: nil, now: clock.now())) == false)
    }

    @Test func withoutVerificationItIsASecondFactorOnly() async throws {
        let house = try await ready()
        var key = house.device
        key.flags = 0x01
        #expect(try await !signIn(house, key))
        let request = try #require(try await house.service.secondFactorRequest(house.ann, now: clock.now()))
        #expect(request.allowed.map(\.id) == [house.device.id])
        let outcome = try await house.service.completeSecondFactor(
            key.sign(request, as: nil),
            of: house.ann,
            remote: nil,
            now: clock.now()
        )
        #expect(passes(outcome))
        let confirmation = try #require(try await house.service.confirmationRequest(house.ann, now: clock.now()))
        #expect(
            passes(
                try await house.service.confirm(
                    key.sign(confirmation, as: nil),
                    of: house.ann,
                    remote: nil,
                    now: clock.now()
                )
            ) == false
        )
    }

    @Test func aCounterThatGoesBackIsToldAndRefused() async throws {
        let house = try await ready()
        var device = house.device
        device.count = 5
        #expect(try await signIn(house, device))
        for count in [5, 4, 0] as [UInt32] {
            device.count = count
            #expect(try await !signIn(house, device))
        }
        #expect(store.audit.count { $0.action == "passkey.clone_suspected" } == 3)
        device.count = 6
        #expect(try await signIn(house, device))
        #expect(try await store.passkeys(of: house.ann.id).map(\.signCount) == [6])
    }

    @Test func optionsDoNotTellWhichAddressesThereAre() async throws {
        let house = try await ready()
        func allowed(_ text: String) async throws -> [[UInt8]] {
            try await house.service.signInRequest(EmailAddress(text), now: clock.now()).allowed.map(\.id)
        }
        #expect(try await allowed("ann@shop.test") == [house.device.id])
        let unknown = try await allowed("nobody@shop.test")
        #expect(unknown.map(\.count) == [32])
        #expect(try await unknown == allowed("NOBODY@shop.test"))
        #expect(try await unknown != allowed("else@shop.test"))
        _ = try await account("bob")
        #expect(try await allowed("bob@shop.test").count == 1)
        #expect(try await house.service.signInRequest(nil, now: clock.now()).allowed.isEmpty)
    }

    @Test func registrationsAreBoundedAndChecked() async throws {
        let house = try await ready()
        let strict = service { $0.perAccount = 2 }
        func register(
            _ change: (inout SoftAuthenticator) -> Void,
            format: String = "none",
            name: String = "Key"
        ) async throws {
            var device = SoftAuthenticator()
            device.id = SecureRandom.bytes(32)
            change(&device)
            let creation = try await strict.creation(house.ann, now: clock.now())
            _ = try await strict.register(
                device.register(creation, format: format),
                name: name,
                for: house.ann,
                remote: nil,
                now: clock.now()
            )
        }
        let refused = AccountError.fieldRefused("credential", "the passkey was not accepted")
        await #expect(throws: refused) { try await register { $0.origin = "https://evil.test" } }
        await #expect(throws: refused) { try await register { $0.relyingParty = "evil.test" } }
        await #expect(throws: refused) { try await register { $0.flags = 0x04 } }
        await #expect(throws: refused) { try await register({ _ in }, format: "apple") }
        for name in ["", "a\r\nb", String(repeating: "n", count: 101)] {
            await #expect(throws: AccountError.self) { try await register({ _ in }, name: name) }
        }
        await #expect(throws: AccountError.self) { try await register({ _ in }, name: "Phone") }
        await #expect(throws: AccountError.self) { try await register { $0.id = house.device.id } }
        try await register({ _ in }, format: "packed")
        await #expect(throws: AccountError.store(.refused("an account has at most 2 passkeys"))) {
            try await register({ _ in }, name: "Third")
        }
        #expect(try await strict.list(of: house.ann.id).map(\.name) == ["Phone", "Key"])
    }

    @Test func theFirstPasskeyComesWithRecoveryCodesAndTheLastTakesThem() async throws {
        let house = try await ready()
        #expect(try await store.recoveryCodesLeft(of: house.ann.id) == 10)
        #expect(try await store.signInEndings(after: 0, limit: 9).map(\.credential) == [.password])
        var second = SoftAuthenticator()
        second.id = SecureRandom.bytes(32)
        let made = try await house.service.register(
            second.register(try await house.service.creation(house.ann, now: clock.now())),
            name: "Key",
            for: house.ann,
            remote: nil,
            now: clock.now()
        )
        #expect(made.recoveryCodes.isEmpty)
        try await house.service.remove(made.passkey.id, of: house.ann, remote: nil, now: clock.now())
        #expect(try await store.recoveryCodesLeft(of: house.ann.id) == 10)
        let first = try #require(try await store.passkeys(of: house.ann.id).first)
        try await house.service.remove(first.id, of: house.ann, remote: nil, now: clock.now())
        #expect(try await store.recoveryCodesLeft(of: house.ann.id) == 0)
        await #expect(throws: AccountError.store(.notFound)) {
            try await house.service.remove(first.id, of: house.ann, remote: nil, now: clock.now())
        }
    }
}
