import DNSWire
package import MailModel
package import MailPorts
package import NIOCore
import NIOPosix

package struct ZoneUpdateOptions: Sendable {
    /// For a connection with all that is asked on it.
    package var timeout = TimeAmount.seconds(10)
    /// Networks that are asked although they are not of the public Internet.
    package var networks: [IPNetwork] = []
    package init() {}
}

/// Reads and changes zones by DNS itself (RFC 1035, RFC 2136), over TCP, each message signed (RFC 8945).
///
/// A name is resolved here and the connection goes to the address that was judged. Answers are believed when they are signed
/// with the same key, and belong to what was asked.
package struct ZoneUpdateClient: ZonePublishing {
    /// Addresses of one name that are tried.
    private static let mostAddresses = 3
    /// Sets that are asked for on one connection.
    package static let mostSets = 500

    private let options: ZoneUpdateOptions
    private let resolver: @Sendable () async throws -> any DNSResolving
    private let group: any EventLoopGroup
    private let clock: any WallClock

    package init(
        _ options: ZoneUpdateOptions,
        resolver: @escaping @Sendable () async throws -> any DNSResolving,
        group: any EventLoopGroup,
        clock: any WallClock
    ) {
        self.options = options
        self.resolver = resolver
        self.group = group
        self.clock = clock
    }

    package func mayAsk(_ host: String) -> Bool { IPAddress(host).map(mayReach) ?? true }

    private func mayReach(_ address: IPAddress) -> Bool {
        address.isPublic || options.networks.contains { $0.contains(address) }
    }

    // MARK: - Questions

    package func records(_ sets: [ZoneSet], at server: ZoneServer) async throws(ZoneFault) -> [[ZoneRecord]] {
        guard let zone = WireName(server.zone), sets.count <= Self.mostSets else { throw .unwritable(server.zone) }
        var questions = [DNSMessage.Question(name: zone, type: DNSNumber.soa)]
        for set in sets {
            guard let name = WireName(set.name) else { throw .unwritable(set.name) }
            questions.append(DNSMessage.Question(name: name, type: set.kind.number))
        }
        // Sent together, told apart by numbers.
        var numbers: Set<UInt16> = []
        let messages = questions.map { question in
            var id = UInt16.random(in: .min ... .max)
            while !numbers.insert(id).inserted { id = UInt16.random(in: .min ... .max) }
            return DNSMessage(id: id, asking: question)
        }
        let answers = try await exchange(messages, server)
        for (answer, question) in zip(answers, questions) { try Self.require(answer, answers: question) }
        // The zone itself: its start is here, and not that of a zone around it.
        switch answers[0].code {
        case .done, .noSuchName: ()
        case .formatError, .serverFailure, .notImplemented, .refused, .nameExists, .setExists, .noSuchSet,
            .notAuthoritative, .notZone, .other:
            throw Self.fault(answers[0].code) ?? .malformed
        }
        guard answers[0].isAuthoritative,
            answers[0].answers.contains(where: { $0.type == DNSNumber.soa && $0.name == zone })
        else { throw .notAuthoritative }
        var found: [[ZoneRecord]] = []
        for (answer, set) in zip(answers.dropFirst(), sets) { found.append(try Self.records(answer, set)) }
        return found
    }

    private static func require(_ answer: DNSMessage, answers question: DNSMessage.Question) throws(ZoneFault) {
        guard answer.isResponse, !answer.isTruncated, answer.questions == [question] else { throw .malformed }
    }

    private static func records(_ answer: DNSMessage, _ set: ZoneSet) throws(ZoneFault) -> [ZoneRecord] {
        switch answer.code {
        case .done, .noSuchName: ()
        case .formatError, .serverFailure, .notImplemented, .refused, .nameExists, .setExists, .noSuchSet,
            .notAuthoritative, .notZone, .other:
            throw fault(answer.code) ?? .malformed
        }
        // A referral: the name is below a cut.
        guard answer.isAuthoritative else { throw .delegated(set.name) }
        let name = WireName(set.name)
        return answer.answers.filter { $0.name == name && $0.group == DNSNumber.classIN }.compactMap { record in
            let kind = record.type == DNSNumber.cname ? .cname : record.type == set.kind.number ? set.kind : nil
            return kind.map { kind in
                ZoneRecord(
                    set: ZoneSet(set.name, kind),
                    ttl: Int(record.ttl),
                    value: RecordData.text(record.type, record.data) ?? "",
                    data: record.data
                )
            }
        }
    }

    // MARK: - Changes

    package func apply(_ change: ZoneChange, at server: ZoneServer) async throws(ZoneFault) {
        guard let zone = WireName(server.zone) else { throw .unwritable(server.zone) }
        let message = DNSMessage(
            id: UInt16.random(in: .min ... .max),
            updating: zone,
            prerequisites: try ZoneUpdateRecords.prerequisites(change.requirements),
            changes: try ZoneUpdateRecords.changes(change)
        )
        let answer = try await exchange([message], server)[0]
        guard answer.isResponse else { throw .malformed }
        if let fault = Self.fault(answer.code) { throw fault }
    }

    private static func fault(_ code: ResponseCode) -> ZoneFault? {
        switch code {
        case .done: nil
        case .formatError: .failed("FORMERR")
        case .serverFailure: .failed("SERVFAIL")
        case .noSuchName, .nameExists, .setExists, .noSuchSet: .changed
        case .notImplemented: .failed("NOTIMP")
        case .refused: .refused
        case .notAuthoritative: .notAuthoritative
        case .notZone: .notZone
        case .other(let number): .failed("code \(number)")
        }
    }

    // MARK: - The conversation

    /// - Returns: believed answers in the order of the messages.
    private func exchange(_ messages: [DNSMessage], _ server: ZoneServer) async throws(ZoneFault) -> [DNSMessage] {
        guard let name = WireName(server.keyName), let algorithm = TSIGAlgorithm(rawValue: server.algorithm.rawValue)
        else { throw .unwritable(server.keyName) }
        let key = TSIGKey(name: name, algorithm: algorithm, secret: server.secret)
        let seconds = clock.now().seconds
        var signed: [(octets: [UInt8], code: [UInt8])] = []
        for message in messages {
            guard let one = key.sign(message, at: seconds) else { throw .failed("the update is too long") }
            signed.append(one)
        }
        let deadline = NIODeadline.now() + options.timeout
        let channel = try await connect(server, deadline)
        let octets: [UInt16: [UInt8]]
        do {
            octets = try await channel.answers(to: signed.map(\.octets), by: deadline)
        } catch {
            throw error as? ZoneFault ?? .noAnswer
        }
        var answers: [DNSMessage] = []
        for (message, sent) in zip(messages, signed) {
            guard let bytes = octets[message.id] else { throw .malformed }
            answers.append(try verified(bytes, sent.code, key))
        }
        return answers
    }

    private func verified(_ bytes: [UInt8], _ code: [UInt8], _ key: TSIGKey) throws(ZoneFault) -> DNSMessage {
        let now = clock.now().seconds
        do throws(TSIGFailure) {
            return try key.verify(bytes, to: code, now: now)
        } catch {
            switch error {
            case .malformed: throw .malformed
            case .unsigned(let code): throw .unsigned(Self.word(code))
            case .badKey: throw .badKey
            case .badSignature: throw .badSignature
            case .badTime(let server), .staleAnswer(let server): throw .badTime(server: server, ours: now)
            case .forged: throw .forged
            case .other(let number): throw .failed("TSIG error \(number)")
            }
        }
    }

    private static func word(_ code: ResponseCode) -> String {
        switch code {
        case .done: "NOERROR"
        case .formatError: "FORMERR"
        case .serverFailure: "SERVFAIL"
        case .noSuchName: "NXDOMAIN"
        case .notImplemented: "NOTIMP"
        case .refused: "REFUSED"
        case .nameExists: "YXDOMAIN"
        case .setExists: "YXRRSET"
        case .noSuchSet: "NXRRSET"
        case .notAuthoritative: "NOTAUTH"
        case .notZone: "NOTZONE"
        case .other(let number): "code \(number)"
        }
    }

    private func connect(_ server: ZoneServer, _ deadline: NIODeadline) async throws(ZoneFault) -> ZoneConversation {
        guard mayAsk(server.host) else { throw .addressRefused }
        let places = try await places(server.host)
        // One name leads to all of them: none may lead inside.
        guard places.allSatisfy(mayReach) else { throw .addressRefused }
        for place in places.prefix(Self.mostAddresses) {
            let left = deadline - .now()
            guard left > .zero else { break }
            if let found = await ZoneConversation.open(group, place, server.port, left) { return found }
        }
        throw places.isEmpty ? .nameUnknown : .unreachable
    }

    /// IPv4 first, as many machines have no other.
    private func places(_ host: String) async throws(ZoneFault) -> [IPAddress] {
        if let literal = IPAddress(host) { return [literal] }
        let found: [IPAddress]
        do {
            found = try await resolver().addresses(host).records
        } catch {
            throw .nameUnknown
        }
        return found.filter(\.isIPv4) + found.filter { !$0.isIPv4 }
    }
}

extension DNSRecordKind {
    var number: UInt16 {
        switch self {
        case .mx: DNSNumber.mx
        case .txt: DNSNumber.txt
        case .srv: DNSNumber.srv
        case .cname: DNSNumber.cname
        case .a: DNSNumber.a
        case .aaaa: DNSNumber.aaaa
        case .tlsa: DNSNumber.tlsa
        }
    }
}
