import Domains
import MailCrypto
import MailModel
import MailPorts
import Synchronization
import Testing

/// An authority that answers as it is told, and a pair of files in memory.
private final class Authority: CertificateIssuing, CertificatePair {
    struct State {
        var answers: [Result<IssuedCertificate, IssuingFault>] = []
        var asked: [(names: [String], key: [UInt8]?, kind: ChallengeKind)] = []
        var pair: (chain: [UInt8], key: [UInt8])?
        var isReadOnly = false
    }
    struct ReadOnly: Error {}

    let state = Mutex(State())

    func issue(
        _ names: [String],
        keyPEM: [UInt8]?,
        by kind: ChallengeKind,
        board: any ChallengeBoard
    ) async throws(IssuingFault) -> IssuedCertificate {
        let answer = state.withLock { state in
            state.asked.append((names, keyPEM, kind))
            return state.answers.removeFirst()
        }
        return try answer.get()
    }

    func read() throws -> (chain: [UInt8], key: [UInt8])? { state.withLock { $0.pair } }

    func replace(with issued: IssuedCertificate) throws {
        try state.withLock { state in
            if state.isReadOnly { throw ReadOnly() }
            state.pair = (issued.chainPEM, issued.keyPEM)
        }
    }

    var kinds: [ChallengeKind] { state.withLock { $0.asked.map(\.kind) } }
    var asked: Int { state.withLock { $0.asked.count } }
    func answer(_ answers: [Result<IssuedCertificate, IssuingFault>]) { state.withLock { $0.answers = answers } }
}

@Suite struct CertificateRenewalTests {
    private let start = Timestamp(seconds: 1_795_430_400)
    private let authority = Authority()

    private func renewal(
        _ names: [String] = ["mail.shop.test"],
        kinds: [ChallengeKind] = [.http]
    ) -> CertificateRenewal {
        CertificateRenewal(
            names: names,
            kinds: kinds,
            issuer: authority,
            pair: authority,
            board: MemoryChallengeBoard()
        )
    }

    @Test func failuresWaitLongerAndLonger() async {
        let renewal = renewal()
        authority.answer(Array(repeating: .failure(IssuingFault("refused")), count: 12))
        var now = start
        for (asked, wait) in [600, 1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 76_800, 86_400, 86_400].enumerated() {
            _ = await renewal.pass(now: now)
            #expect(authority.asked == asked + 1)
            _ = await renewal.pass(now: now.adding(seconds: Int64(wait) - 1))
            #expect(authority.asked == asked + 1, "until then nobody is asked")
            now = now.adding(seconds: Int64(wait))
        }
    }

    @Test func theAuthorityMayWantToBeLeftAlone() async {
        let renewal = renewal()
        authority.answer([.failure(IssuingFault("rateLimited", retryAfter: 7_200)), .failure(IssuingFault("refused"))])
        #expect(await renewal.pass(now: start) == 3_600)
        _ = await renewal.pass(now: start.adding(seconds: 7_199))
        #expect(authority.asked == 1)
        _ = await renewal.pass(now: start.adding(seconds: 7_200))
        #expect(authority.asked == 2)
    }

    @Test func whatNobodyTrustsIsReplacedAndItsKeyUsedOn() async throws {
        let own = try SelfSignedCertificate(hostNames: ["mail.shop.test"])
        authority.state.withLock { $0.pair = (own.certificatePEM, own.keyPEM) }
        let issued = IssuedCertificate(chainPEM: [1], keyPEM: own.keyPEM)
        authority.answer([.success(issued)])
        _ = await renewal().pass(now: start)
        #expect(authority.state.withLock { $0.asked.map(\.key) } == [own.keyPEM])
        #expect(authority.state.withLock { $0.pair?.chain } == [1])
    }

    @Test func aCertificateThatCannotBeWrittenIsAFailure() async {
        authority.answer([.success(IssuedCertificate(chainPEM: [1], keyPEM: [2])), .failure(IssuingFault("refused"))])
        authority.state.withLock { $0.isReadOnly = true }
        let renewal = renewal()
        #expect(await renewal.pass(now: start) == 600)
        _ = await renewal.pass(now: start.adding(seconds: 1))
        #expect(authority.asked == 1)
    }

    @Test func answersAreKeptByTokenAndBounded() {
        let board = MemoryChallengeBoard()
        for number in 0..<200 { board.put("answer \(number)", for: "t\(number)") }
        #expect(board.answer("t99") == "answer 99" && board.answer("t100") == nil)
        board.remove("t99")
        #expect(board.answer("t99") == nil)
    }

    @Test func challengeCertificatesAreKeptByNameAndBounded() {
        let board = MemoryChallengeBoard()
        func made(_ number: Int) -> ChallengeCertificate {
            ChallengeCertificate(certificatePEM: [UInt8(number & 255)], keyPEM: [])
        }
        for number in 0..<200 { board.show(made(number), for: "A\(number).test") }
        #expect(board.certificate(for: "a99.TEST") == made(99) && board.certificate(for: "a100.test") == nil)
        board.show(made(7), for: "a99.test")
        #expect(board.certificate(for: "a99.test") == made(7))
        board.hide("A99.test")
        #expect(board.certificate(for: "a99.test") == nil)
    }

    // MARK: - Kinds of challenge

    private let wrong = IssuingFault("another answer", cause: .challenge)
    private let issued = IssuedCertificate(chainPEM: [1], keyPEM: [2])

    @Test func theNextKindIsTriedAtOnceAndStaysWhereItWorks() async {
        let renewal = renewal(kinds: [.http, .tlsALPN])
        authority.answer([.failure(wrong), .success(issued), .success(issued)])
        #expect(await renewal.pass(now: start) == 3_600)
        #expect(authority.kinds == [.http, .tlsALPN])
        // What was issued is no certificate, so it is ordered again.
        _ = await renewal.pass(now: start.adding(seconds: 3_600))
        #expect(authority.kinds == [.http, .tlsALPN, .tlsALPN])
    }

    @Test func afterTheFirstFailureTheyTakeTurns() async {
        let renewal = renewal(kinds: [.http, .tlsALPN])
        authority.answer(Array(repeating: .failure(wrong), count: 4))
        #expect(await renewal.pass(now: start) == 600)
        #expect(authority.kinds == [.http, .tlsALPN])
        _ = await renewal.pass(now: start.adding(seconds: 600))
        #expect(authority.kinds == [.http, .tlsALPN, .http])
        _ = await renewal.pass(now: start.adding(seconds: 600 + 1_200))
        #expect(authority.kinds == [.http, .tlsALPN, .http, .tlsALPN])
    }

    @Test func whatIsNotTheChallengesFaultIsNotTriedByAnother() async {
        let renewal = renewal(kinds: [.http, .tlsALPN])
        let busy = IssuingFault("rateLimited", retryAfter: 7_200, cause: .challenge)
        authority.answer([.failure(IssuingFault("away")), .failure(busy), .failure(wrong)])
        _ = await renewal.pass(now: start)
        #expect(authority.kinds == [.http])
        _ = await renewal.pass(now: start.adding(seconds: 600))
        #expect(authority.kinds == [.http, .http])
    }

    @Test func oneKindAloneIsTriedOnce() async {
        let renewal = renewal(kinds: [.tlsALPN])
        authority.answer([.failure(wrong)])
        #expect(await renewal.pass(now: start) == 600)
        #expect(authority.kinds == [.tlsALPN])
    }
}
