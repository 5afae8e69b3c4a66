import ByteParsing
import MailPorts
import NIOCore
import SMTPWire

/// What is to be done on the way to TLS.
enum StartTLSAction: Equatable, Sendable {
    /// One line, with its end.
    case send(String)
    /// TLS begins with the next octet, both ways.
    case startTLS
    case fail(CertificateProbeFault)
}

/// The conversation in clear text that ends with TLS, or with the reason why not.
protocol StartTLSDialogue {
    /// What follows from the octets that have come; nil when more are needed.
    ///
    /// After `.startTLS` and `.fail` it is over.
    mutating func next(_ input: inout ByteBuffer) -> StartTLSAction?
}

extension CertificateProbeFault {
    static let noSTARTTLS = CertificateProbeFault("the server offers no STARTTLS", kind: .noSTARTTLS)
    /// Octets between the reply and TLS were put there by whoever sits between, or by a server that does not know what it does.
    static let tooEager = CertificateProbeFault("the server says more before TLS than it may")
}

/// SMTP up to STARTTLS (RFC 3207 §4).
struct SMTPStart: StartTLSDialogue {
    private enum State { case awaitingGreeting, awaitingHello, awaitingReady, over }

    private let heloName: String
    private var state = State.awaitingGreeting
    private var parser = SMTPReplyParser()

    init(heloName: String) { self.heloName = heloName }

    mutating func next(_ input: inout ByteBuffer) -> StartTLSAction? {
        guard state != .over else { return nil }
        let reply: SMTPReply
        do throws(SMTPReplyParser.Failure) {
            guard let read = try parser.next(&input) else { return nil }
            reply = read
        } catch {
            return fail(CertificateProbeFault("the server speaks no SMTP"))
        }
        switch state {
        case .awaitingGreeting:
            guard reply.code == 220 else { return fail(CertificateProbeFault("the server greets with \(reply.code)")) }
            state = .awaitingHello
            return .send("EHLO \(heloName)\r\n")
        case .awaitingHello:
            // Without EHLO there are no extensions, STARTTLS is one.
            if reply.isPermanent { return fail(.noSTARTTLS) }
            guard reply.code == 250 else {
                return fail(CertificateProbeFault("the server answers \(reply.code) to EHLO"))
            }
            guard EHLOCapabilities(reply).startTLS else { return fail(.noSTARTTLS) }
            state = .awaitingReady
            return .send("STARTTLS\r\n")
        case .awaitingReady:
            // RFC 3207 §4: 454 is "TLS not available due to temporary reason".
            guard reply.code == 220 else {
                return fail(CertificateProbeFault("the server answers \(reply.code) to STARTTLS"))
            }
            state = .over
            return input.readableBytes == 0 ? .startTLS : .fail(.tooEager)
        case .over: return nil
        }
    }

    private mutating func fail(_ fault: CertificateProbeFault) -> StartTLSAction {
        state = .over
        return .fail(fault)
    }
}

/// IMAP up to STARTTLS (RFC 9051 §6.2.1).
struct IMAPStart: StartTLSDialogue {
    private enum State {
        case awaitingGreeting
        case awaitingCapabilities(isOffered: Bool)
        case awaitingReady, over
    }

    /// Octets of one line.
    static let longestLine = 8_192
    /// Lines of the server before it is given up.
    static let mostLines = 100

    private var state = State.awaitingGreeting
    private var lines = 0

    mutating func next(_ input: inout ByteBuffer) -> StartTLSAction? {
        while true {
            if case .over = state { return nil }
            guard let end = input.readableBytesView.firstIndex(of: ASCII.lf) else {
                return input.readableBytes < Self.longestLine ? nil : fail(.noIMAP)
            }
            let length = end - input.readableBytesView.startIndex + 1
            lines += 1
            guard length <= Self.longestLine, lines <= Self.mostLines, let line = input.readBytes(length: length),
                line.count >= 2, line[line.count - 2] == ASCII.cr
            else { return fail(.noIMAP) }
            let words = line.dropLast(2).split(separator: ASCII.space).map { word in
                String(decoding: word.map(\.asciiUppercased), as: UTF8.self)
            }
            if let action = take(words, hasMore: input.readableBytes > 0) { return action }
        }
    }

    /// - Parameter words: of one line, in upper case.
    private mutating func take(_ words: [String], hasMore: Bool) -> StartTLSAction? {
        let (tag, word) = (words.first ?? "", words.dropFirst().first ?? "")
        if tag == "*", word == "BYE" { return fail(CertificateProbeFault("the server turns clients away")) }
        switch state {
        case .awaitingGreeting:
            switch (tag, word) {
            case ("*", "OK"):
                state = .awaitingCapabilities(isOffered: false)
                return .send("a CAPABILITY\r\n")
            // RFC 9051 §7.1.4: STARTTLS is for who is not signed in.
            case ("*", "PREAUTH"): return fail(.noSTARTTLS)
            default: return fail(.noIMAP)
            }
        case .awaitingCapabilities(let isOffered):
            if tag == "*" {
                guard word == "CAPABILITY" else { return nil }
                state = .awaitingCapabilities(isOffered: words.contains("STARTTLS"))
                return nil
            }
            guard tag == "A", word == "OK" else { return fail(.noIMAP) }
            guard isOffered else { return fail(.noSTARTTLS) }
            state = .awaitingReady
            return .send("b STARTTLS\r\n")
        case .awaitingReady:
            if tag == "*" { return nil }
            guard tag == "B", word == "OK" else {
                return fail(CertificateProbeFault("the server answers \(tag == "B" ? word : "otherwise") to STARTTLS"))
            }
            state = .over
            return hasMore ? .fail(.tooEager) : .startTLS
        case .over: return nil
        }
    }

    private mutating func fail(_ fault: CertificateProbeFault) -> StartTLSAction {
        state = .over
        return .fail(fault)
    }
}

extension CertificateProbeFault {
    fileprivate static let noIMAP = CertificateProbeFault("the server speaks no IMAP")
}
