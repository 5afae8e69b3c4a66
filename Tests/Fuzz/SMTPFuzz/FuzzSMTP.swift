import MailModel
import NIOCore
import SMTPWire

// Drives the server machine, then the client machine, with arbitrary bytes in arbitrary pieces.
//
// The first octet chooses the configuration, each piece's length comes from the octets before it. What is checked
// beside the absence of traps: the machine's promises to its shell, and that the split of the stream does not matter.

/// libFuzzer's driver with its command line.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutableRawPointer,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// What the build takes for `main`.
@_cdecl("SMTPFuzz_main")
public func start(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
    var (count, arguments) = (count, arguments)
    return unsafe runFuzzer(&count, &arguments, fuzzOneInput)
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard let selector = bytes.first, bytes.count > 1 else { return 0 }
    let stream = Array(bytes.dropFirst())
    let pieces = split(stream, by: selector)
    let inPieces = serve(pieces, selector)
    // Bytes behind STARTTLS are told apart by arrival: only there the split may show.
    if !inPieces.sawStartTLS {
        let atOnce = serve([stream], selector)
        precondition(atOnce.sawStartTLS || atOnce.digest == inPieces.digest, "the split changed the outcome")
    }
    converse(pieces, selector)
    return 0
}

private func split(_ stream: [UInt8], by selector: UInt8) -> [[UInt8]] {
    var pieces: [[UInt8]] = []
    var rest = stream[...]
    var length = Int(selector >> 4) + 1
    while !rest.isEmpty {
        let piece = rest.prefix(length)
        pieces.append(Array(piece))
        rest = rest.dropFirst(length)
        length = Int(piece.last ?? 0) % 23 + 1
    }
    return pieces
}

private struct Served {
    var digest: [String] = []
    var sawStartTLS = false
}

/// Answers every question; `selector` decides how.
private func serve(_ pieces: [[UInt8]], _ selector: UInt8) -> Served {
    var limits = SMTPServerConfiguration.Limits()
    (limits.messageSize, limits.textLine, limits.recipients) = (200, 60, 3)
    var configuration = SMTPServerConfiguration(
        role: selector & 1 == 0 ? .relay : .submission,
        hostname: "mail.example.test",
        limits: limits,
        offersTLS: selector & 2 != 0,
        mechanisms: ["PLAIN", "LOGIN"],
        allowsPlaintextAuth: true
    )
    configuration.requiresAuth = selector & 5 == 5
    var machine = SMTPServerMachine(configuration)
    var served = Served()
    var spooled = 0
    var isOpen = false
    var isClosed = false
    for piece in pieces {
        machine.receive(ByteBuffer(bytes: piece))
        while let action = machine.next() {
            precondition(!isClosed, "close is the last action")
            switch action {
            case .reply(let reply):
                var wire = ByteBuffer()
                reply.encode(into: &wire)
                served.digest.append(String(buffer: wire))
            case .checkSender: machine.senderVerdict(.senderAccepted)
            case .checkRecipient(let recipient):
                machine.recipientVerdict(
                    recipient.path.description.utf8.first == 120 ? .noSuchUser : .recipientAccepted
                )
            case .beginMessage(let envelope):
                precondition(!isOpen && !envelope.recipients.isEmpty, "one message at a time, for somebody")
                if selector & 8 != 0 {
                    machine.messageRefused(.storageFull)
                } else {
                    (isOpen, spooled) = (true, 0)
                    machine.messageBegun()
                }
            case .messageBytes(let buffer):
                precondition(isOpen && buffer.readableBytes > 0, "octets belong to an open message")
                spooled += buffer.readableBytes
                precondition(spooled <= limits.messageSize, "the limit holds before the end")
            case .messageComplete(_, let size):
                precondition(isOpen && size == spooled, "the size is what was spooled")
                isOpen = false
                served.digest.append("complete \(size)")
                machine.messageVerdict(.queued(as: "1"))
            case .refused: ()  // for the record only
            case .abandonMessage:
                precondition(isOpen, "only an open message is abandoned")
                isOpen = false
            case .authenticate(_, let response):
                if response == nil {
                    machine.authChallenge([1, 2, 3])
                } else {
                    machine.authOutcome(.refused(.badCredentials))
                }
            case .authResponse: machine.authOutcome(.accepted)
            case .authCancelled: ()
            case .startTLS:
                served.sawStartTLS = true
                machine.tlsEstablished()
            case .close:
                precondition(!isOpen, "nothing stays open behind close")
                isClosed = true
            }
        }
        precondition(machine.wantsBytes || isClosed, "every question was answered")
    }
    return served
}

private func converse(_ pieces: [[UInt8]], _ selector: UInt8) {
    let domains = ["b.example.test", "c.example.test"]
    var machine = SMTPClientMachine(
        SMTPClientMachine.Transaction(
            heloName: "out.example.test",
            tls: selector & 1 == 0 ? .opportunistic : .none,
            credentials: selector & 2 == 0 ? nil : SMTPClientCredentials(user: "user", password: "word"),
            sender: .null,
            recipients: domains.map { EmailAddress(uncheckedLocalPart: "x", domain: $0) },
            size: 10,
            needsSMTPUTF8: selector & 4 != 0,
            is8Bit: selector & 8 != 0
        )
    )
    var results = 0
    var isClosed = false
    func perform(_ action: SMTPClientMachine.Action, _ machine: inout SMTPClientMachine) {
        precondition(!isClosed, "close is the last action")
        switch action {
        case .send: ()
        case .startTLS: machine.tlsEstablished()
        case .sendBody: machine.bodySent()
        case .finished(let result):
            results += 1
            precondition(result.outcomes.count == 2, "an outcome for every recipient")
        case .close: isClosed = true
        }
    }
    for piece in pieces {
        machine.receive(ByteBuffer(bytes: piece))
        while let action = machine.next() { perform(action, &machine) }
    }
    machine.connectionFailed("end of input")
    while let action = machine.next() { perform(action, &machine) }
    precondition(results == 1 && isClosed, "one result, then close")
    precondition(machine.transcript.utf8.count <= SMTPTranscript.maximumSize, "the transcript is bounded")
}
