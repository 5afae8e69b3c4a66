import MailModel
import NIOCore

@testable import SMTPWire

/// A client machine against a scripted server: each thing the client sends takes the next answer.
final class ClientProbe {
    private var machine: SMTPClientMachine
    private(set) var sent: [String] = []
    private(set) var result: SMTPClientResult?
    private(set) var isClosed = false
    private(set) var tlsStarted = false
    private(set) var bodies = 0
    /// What the server says of itself after `sendBody`, or nil to end the body.
    var bodyFailure: String?

    init(_ transaction: SMTPClientMachine.Transaction) { machine = SMTPClientMachine(transaction) }

    var transcript: String { machine.transcript }
    var awaiting: SMTPTimeout { machine.awaiting }

    /// Plays the server's answers in turn; `perOctet` splits them.
    func play(_ answers: [String], perOctet: Bool = false) {
        for answer in answers where !isClosed {
            if perOctet {
                for byte in answer.utf8 { hear([byte]) }
            } else {
                hear(Array(answer.utf8))
            }
        }
    }

    func hear(_ bytes: [UInt8]) {
        machine.receive(ByteBuffer(bytes: bytes))
        run()
    }

    func fail(_ reason: String) {
        machine.connectionFailed(reason)
        run()
    }

    func tlsEstablished() {
        machine.tlsEstablished()
        run()
    }

    var finishesTLS = true

    private func run() {
        while let action = machine.next() {
            switch action {
            case .send(let buffer): sent.append(String(buffer: buffer))
            case .startTLS:
                tlsStarted = true
                if finishesTLS { machine.tlsEstablished() }
            case .sendBody:
                bodies += 1
                if let bodyFailure {
                    if bodyFailure.isEmpty { machine.bodyFailed() } else { machine.connectionFailed(bodyFailure) }
                } else {
                    machine.bodySent()
                }
            case .finished(let outcome):
                precondition(result == nil, "a result is given once")
                result = outcome
            case .close: isClosed = true
            }
        }
    }
}

extension SMTPClientMachine.Transaction {
    static func example(
        _ change: (inout SMTPClientMachine.Transaction) -> Void = { _ in }
    ) -> SMTPClientMachine.Transaction {
        var transaction = SMTPClientMachine.Transaction(
            heloName: "out.example.test",
            tls: .none,
            sender: .address(EmailAddress(uncheckedLocalPart: "a", domain: "example.test")),
            recipients: ["b", "c"].map { EmailAddress(uncheckedLocalPart: $0, domain: "remote.test") },
            size: 100,
            needsSMTPUTF8: false,
            is8Bit: false
        )
        change(&transaction)
        return transaction
    }
}
