import ByteParsing
import MailCrypto
import Testing

@testable import DNSWire

/// Vectors that another implementation (libldns 1.8.3) has signed, with the key `key.test`.
@Suite struct TSIGKeyTests {
    private static let secret = Array("0123456789abcdef0123456789abcdef".utf8)
    /// A question for the SOA record of shop.test, signed at `asked`.
    private static let question = """
        1234000000010000000000010473686f7004746573740000060001036b6579c01100fa00ff00000000003d0b686d61632d7368613235360000006b08800801\
        2c002015cbec006d3f3c5583bc3736809115049455a3df0630e1f5520bb089a3a544d6123400000000
        """
    private static let asked: Int64 = 0x6b08_8008
    private static let answer256 = """
        1234800000010000000000010473686f7004746573740000060001036b6579c01100fa00ff00000000003d0b686d61632d7368613235360000006b08800800\
        000020e5e1809ac4ab65674fef28825dd1d3f1dddcf408163179b2fa6034e75b7859c6123400000000
        """
    private static let answer512 = """
        1234800000010000000000010473686f7004746573740000060001036b6579c01100fa00ff00000000005d0b686d61632d7368613531320000006b08800c00\
        00004012c697309dc2d17d4d4e7715e395bb04b0bc7364c41f07851fde226fec824aaa7b54ff320194b7f52003c5d6e122a07e54e6db968a7a8dc55962fb35\
        945ca593123400000000
        """
    private static let answerSHA1 = """
        1234800000010000000000010473686f7004746573740000060001036b6579c01100fa00ff00000000002f09686d61632d736861310000006b08800e000000\
        14a5b99f6fd9dec0f9d62ca9a75ae9a0ce687beba9123400000000
        """

    private func octets(_ text: String) throws -> [UInt8] { try #require(Hexadecimal.octets(text)) }

    private func key(
        _ algorithm: TSIGAlgorithm = .hmacSHA256,
        name: String = "key.test",
        secret: [UInt8] = secret
    ) throws
        -> TSIGKey
    {
        TSIGKey(name: try #require(WireName(name)), algorithm: algorithm, secret: secret)
    }

    private func code() throws -> [UInt8] {
        let message = try DNSMessage(try octets(Self.question))
        let data = try #require(message.additionals.last).data
        // Behind the algorithm's name: time, fudge, length.
        return Array(data[(13 + 10)..<(13 + 10 + 32)])
    }

    @Test func ourSignatureIsThatOfAnotherImplementation() throws {
        let name = try #require(WireName("shop.test"))
        let message = DNSMessage(id: 0x1234, asking: .init(name: name, type: DNSNumber.soa))
        let signed = try #require(try key().sign(message, at: Self.asked))
        #expect(signed.code == (try code()))
        // The other one compresses the key's name; read, they are the same.
        #expect(try DNSMessage(signed.octets) == DNSMessage(try octets(Self.question)))
    }

    @Test(arguments: [(TSIGAlgorithm.hmacSHA256, answer256), (.hmacSHA512, answer512)])
    func answersOfAnotherImplementationAreBelieved(_ algorithm: TSIGAlgorithm, _ text: String) throws {
        let message = try key(algorithm).verify(try octets(text), to: try code(), now: Self.asked)
        #expect(message.isResponse && message.additionals.isEmpty && message.id == 0x1234)
    }

    @Test func whateverIsChangedIsNotBelieved() throws {
        let answer = try octets(Self.answer256)
        for place in answer.indices {
            for bit in [UInt8(1), 0x80] {
                var changed = answer
                changed[place] ^= bit
                // The identifier in front is not signed, the one of the signature is; letters of names have no case.
                guard place > 1 else { continue }
                let result = try? key().verify(changed, to: try code(), now: Self.asked)
                #expect(result == nil, "octet \(place)")
            }
        }
    }

    @Test func otherKeysSecretsAlgorithmsAndQuestionsAreNotBelieved() throws {
        let answer = try octets(Self.answer256)
        let (code, now) = (try code(), Self.asked)
        #expect(throws: TSIGFailure.forged) { try key(name: "other.test").verify(answer, to: code, now: now) }
        #expect(throws: TSIGFailure.forged) { try key(secret: [1, 2, 3]).verify(answer, to: code, now: now) }
        #expect(throws: TSIGFailure.forged) { try key(.hmacSHA512).verify(answer, to: code, now: now) }
        #expect(throws: TSIGFailure.forged) { try key().verify(answer, to: [0] + code.dropFirst(), now: now) }
        // A good code by an algorithm that is not the key's.
        #expect(throws: TSIGFailure.forged) { try key().verify(try octets(Self.answerSHA1), to: code, now: now) }
    }

    @Test func aCodeThatIsCutIsNotBelieved() throws {
        var message = try DNSMessage(try octets(Self.answer256))
        var data = message.additionals[0].data
        // The first 16 octets of 32, as RFC 8945 §5.2.2.1 would let pass.
        data.replaceSubrange(21..<23, with: [0, 16])
        data.removeSubrange((23 + 16)..<(23 + 32))
        message.additionals[0].data = data
        let octets = try #require(message.encoded())
        #expect(throws: TSIGFailure.forged) { try key().verify(octets, to: try code(), now: Self.asked) }
    }

    @Test func anOldAnswerIsNotBelieved() throws {
        let answer = try octets(Self.answer256)
        #expect(throws: Never.self) { try key().verify(answer, to: try code(), now: Self.asked + 300) }
        for now in [Self.asked + 301, Self.asked - 301] {
            #expect(throws: TSIGFailure.staleAnswer(signed: Self.asked)) {
                try key().verify(answer, to: try code(), now: now)
            }
        }
    }

    /// An answer with the error, signed with the key or without a code.
    private func answer(error: UInt16, other: [UInt8] = [], isSigned: Bool) throws -> [UInt8] {
        var message = try DNSMessage(try octets(Self.answer256))
        var data = Array(message.additionals[0].data.prefix(21))
        func tail(_ code: [UInt8]) -> [UInt8] {
            DNSMessage.octets(UInt16(code.count)) + code + [0x12, 0x34] + DNSMessage.octets(error)
                + DNSMessage.octets(UInt16(other.count)) + other
        }
        guard isSigned else {
            message.additionals[0].data = data + tail([])
            return try #require(message.encoded())
        }
        let record = message.additionals.removeLast()
        var input = DNSMessage.octets(32) + (try code()) + (try #require(message.encoded()))
        input += record.name.octets + [0, 255, 0, 0, 0, 0] + data + DNSMessage.octets(error)
        input += DNSMessage.octets(UInt16(other.count)) + other
        data += tail(TSIGAlgorithm.hmacSHA256.code.authenticate(input, key: Self.secret))
        message.additionals = [record]
        message.additionals[0].data = data
        return try #require(message.encoded())
    }

    @Test func whatTheServerSaysOfOurSignatureIsTold() throws {
        let (code, now) = (try code(), Self.asked)
        let faults: [(UInt16, TSIGFailure)] = [(17, .badKey), (16, .badSignature), (22, .other(22))]
        for (number, failure) in faults {
            for isSigned in [true, false] {
                let answer = try answer(error: number, isSigned: isSigned)
                #expect(throws: failure) { try key().verify(answer, to: code, now: now) }
            }
        }
        let clock: [UInt8] = [0, 0, 0x6b, 0x08, 0x90, 0x00]
        let late = try answer(error: 18, other: clock, isSigned: true)
        #expect(throws: TSIGFailure.badTime(server: 0x6b08_9000)) { try key().verify(late, to: code, now: now) }
        // Without a code anybody may have written the time.
        let unsigned = try answer(error: 18, other: clock, isSigned: false)
        #expect(throws: TSIGFailure.unsigned(.done)) { try key().verify(unsigned, to: code, now: now) }
        let odd = try answer(error: 18, other: [1], isSigned: true)
        #expect(throws: TSIGFailure.malformed) { try key().verify(odd, to: code, now: now) }
    }

    @Test func anAnswerWithoutSignatureIsNotBelieved() throws {
        var message = try DNSMessage(try octets(Self.answer256))
        message.additionals = []
        message.flags |= 5
        let plain = try #require(message.encoded())
        #expect(throws: TSIGFailure.unsigned(.refused)) { try key().verify(plain, to: try code(), now: Self.asked) }
    }

    @Test func aSecretIsInNoText() throws {
        #expect("\(try key())" == "TSIGKey(key.test, hmac-sha256)")
    }
}
