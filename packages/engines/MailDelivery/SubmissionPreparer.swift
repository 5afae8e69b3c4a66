import ByteParsing
import MailModel
import MailPorts
import MessageFormat

/// Makes submitted mail fit to be sent (RFC 6409 §8): checks who it says it is from, adds what is missing, signs it.
struct SubmissionPreparer: Sendable {
    let hostname: String
    let signer: any MessageSigning
    let judge: (any MessageJudging)?

    /// The message as it is stored and sent.
    ///
    /// - Parameter bytes: the Received field of `traceSize` octets, then the message as it came.
    func prepare(
        _ message: IncomingMessage,
        _ bytes: [UInt8],
        for submitter: Submitter
    ) async throws(DeliveryRefusal) -> [UInt8] {
        let trace = bytes[..<message.traceSize]
        do throws(SubmittedHeader.Fault) {
            try SubmittedHeader.check(bytes, from: message.traceSize, limit: ParseLimits.default.headerFields)
        } catch {
            throw error.refusal
        }
        let header = HeaderBlock(Array(bytes[message.traceSize...]))
        let author = try Self.author(header, submitter)
        let fields = added(header, message, author, submitter)
        let repaired = try await judged(fields + header.removing(["bcc", "resent-bcc"]), by: submitter.account)
        do throws(StoreError) {
            let signatures = try await signer.sign(repaired, domain: author.domain)
            var output: [UInt8] = []
            output.reserveCapacity(trace.count + signatures.count + repaired.count)
            output += trace
            output += signatures
            output += repaired
            return output
        } catch {
            throw DeliveryRefusal(error)
        }
    }

    /// What the policy of the account's domain makes of the message: what is signed is what goes out.
    private func judged(_ message: [UInt8], by account: Account) async throws(DeliveryRefusal) -> [UInt8] {
        guard let judge else { return message }
        let outcome: Result<[UInt8], PolicyFault>
        do throws(StoreError) {
            outcome = try await judge.outgoing(message, by: account)
        } catch {
            throw DeliveryRefusal(error)
        }
        switch outcome {
        case .success(let message): return message
        case .failure(let fault): throw .policy(fault.refusal)
        }
    }

    /// The first address of From, when the account may send as every address there and in Sender, or on behalf of those in From.
    private static func author(_ header: HeaderBlock, _ submitter: Submitter) throws(DeliveryRefusal) -> Author {
        let fields = header.values("from")
        // RFC 5322 §3.6: "From: MUST be present, exactly once", and Sender at most once.
        guard let field = fields.first else { throw .malformed("The message has no From field") }
        guard fields.count == 1 else { throw .malformed("The message has several From fields") }
        guard header.count("sender") <= 1 else { throw .malformed("The message has several Sender fields") }
        let authors = try addresses(field, "From") { submitter.mayWrite(as: $0) }
        for field in header.values("sender") { _ = try addresses(field, "Sender") { submitter.maySend(as: $0) } }
        return Author(
            domain: authors[0].domain,
            isOnBehalf: !authors.allSatisfy { submitter.maySend(as: $0) }
        )
    }

    private struct Author {
        var domain: String
        /// Of somebody who is not the sender.
        var isOnBehalf: Bool
    }

    /// Never empty.
    private static func addresses(
        _ field: [UInt8],
        _ name: String,
        isAllowed: (EmailAddress) -> Bool
    ) throws(DeliveryRefusal) -> [EmailAddress] {
        // Encoded words that hide line ends or NUL make readers cut the field short.
        guard
            !EncodedWord.decode(field).unicodeScalars.contains(where: { $0.value < 32 && $0 != "\t" || $0.value == 127 }
            )
        else {
            throw .malformed("The \(name) field has control characters")
        }
        let found: [EmailAddress]
        do throws(OriginatorField.Fault) {
            found = try OriginatorField.addresses(in: field)
        } catch {
            switch error {
            case .withoutAddress: throw .malformed("The \(name) field has no address")
            case .malformed: throw .malformed("The \(name) field is not well formed")
            }
        }
        guard found.allSatisfy(isAllowed) else { throw .senderNotOwned }
        return found
    }

    /// Date and Message-ID where they are missing (RFC 6409 §8.1, §8.2), and the Sender of what is sent on behalf of another.
    private func added(
        _ header: HeaderBlock,
        _ message: IncomingMessage,
        _ author: Author,
        _ submitter: Submitter
    ) -> [UInt8] {
        var fields = ""
        // RFC 5322 §3.6.2: author and transmitter are not identical, so "both fields SHOULD appear".
        if author.isOnBehalf, !header.contains("sender") {
            fields += "Sender: <\(submitter.account.primaryAddress)>\r\n"
        }
        if !header.contains("date") { fields += "Date: \(RFC5322Date.format(message.receivedAt))\r\n" }
        if !header.contains("message-id") { fields += "Message-ID: <\(message.queueID)@\(hostname)>\r\n" }
        return Array(fields.utf8)
    }
}

extension DeliveryRefusal {
    /// What a client hears of a store's failure.
    init(_ error: StoreError) {
        self =
            switch error {
            case .overQuota: .mailboxFull
            case .levelFull(let level): .levelFull(level)
            case .unavailable(let id), .damaged(let id): .unavailable(reportID: id)
            // A recipient that went away since RCPT: the next attempt tells.
            case .notFound, .alreadyExists: .unavailable(reportID: "recipient-changed")
            case .refused(let reason): .malformed(reason)
            }
    }
}
