import MailModel
import MailPorts
import NIOCore
import NIOPosix
import SMTPTransport
import SMTPWire
import Synchronization

struct FixedClock: WallClock {
    func now() -> Timestamp { Timestamp(seconds: 1_795_430_400) }
}

extension RemoteResult {
    /// `accepted`, `transient` or `permanent`, and the reply.
    var text: String {
        switch self {
        case .accepted(let reply): "accepted \(reply)"
        case .transient(let reply): "transient \(reply)"
        case .permanent(let reply): "permanent \(reply)"
        }
    }
}

/// One message to a scripted server.
struct Sending {
    var text = "Subject: x\r\n\r\nbody\r\n"
    var recipients = ["b@remote.test"]
    var sender = ReversePath.address(EmailAddress(uncheckedLocalPart: "a", domain: "own.test"))
    var needsSMTPUTF8 = false
    var is8Bit = false
    var tls = RemotePolicy.TLS.opportunistic
    var authentication: (user: String, password: String)?
    /// The stages with a short limit; the others have minutes.
    var hasty: Set<SMTPTimeout> = []

    func send(to port: Int, host: String = "mail.remote.test") async -> RemoteReport {
        let hasty = hasty
        let transport = SMTPTransport(
            group: .singletonMultiThreadedEventLoopGroup,
            connectTimeout: .seconds(60),
            limits: { hasty.contains($0) ? .milliseconds(300) : .minutes(2) },
            clock: FixedClock()
        )
        let octets = ByteBuffer(string: text)
        let message = OutboundMessage(
            sender: sender,
            recipients: recipients.map { text in
                let parts = text.split(separator: "@")
                return EmailAddress(uncheckedLocalPart: String(parts[0]), domain: String(parts[1]))
            },
            size: octets.readableBytes,
            needsSMTPUTF8: needsSMTPUTF8,
            is8Bit: is8Bit
        ) { range throws(StoreError) in
            octets.getSlice(at: range.lowerBound, length: range.count) ?? ByteBuffer()
        }
        return await transport.send(
            message,
            to: RemoteHost(name: host, address: IPAddress("127.0.0.1"), port: port),
            policy: RemotePolicy(tls: tls, heloName: "mail.own.test", authentication: authentication)
        )
    }

    /// The report, and what the server saw.
    func run(_ scripts: [Step]...) async throws -> (report: RemoteReport, record: ScriptedServer.Record) {
        let server = try await ScriptedServer(scripts)
        let report = await send(to: server.port)
        let record = server.record
        await server.stop()
        return (report, record)
    }
}
