import ByteParsing
import MailModel
import MailPorts
import MessageFormat

/// Makes submitted mail fit to be sent (RFC 6409 §8): checks who it says it is from, adds what is missing, signs it.
struct SubmissionPreparer: Sendable {
    let hostname: String
    let signer: any MessageSigning

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
        let repaired = added(header, message, author.domain) + header.removing(["bcc", "resent-bcc"])
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

    /// The first address of From, when every address there and in Sender is the account's.
    private static func author(_ header: HeaderBlock, _ submitter: Submitter) throws(DeliveryRefusal) -> EmailAddress {
        let fields = header.values("from")
        // RFC 5322 §3.6: "From: MUST be present, exactly once", and Sender at most once.
        guard let field = fields.first else { throw .malformed("The message has no From field") }
        guard fields.count == 1 else { throw .malformed("The message has several From fields") }
        guard header.count("sender") <= 1 else { throw .malformed("The message has several Sender fields") }
        let authors = try addresses(field, "From", submitter)
        for field in header.values("sender") { _ = try addresses(field, "Sender", submitter) }
        return authors[0]
    }

    /// Never empty.
    private static func addresses(
        _ field: [UInt8],
        _ name: String,
        _ submitter: Submitter
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
        guard found.allSatisfy({ submitter.maySend(as: $0) }) else { throw .senderNotOwned }
        return found
    }

    /// Date and Message-ID where they are missing (RFC 6409 §8.1, §8.2).
    private func added(_ header: HeaderBlock, _ message: IncomingMessage, _ domain: String) -> [UInt8] {
        var fields = ""
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
            case .unavailable(let id), .damaged(let id): .unavailable(reportID: id)
            // A recipient that went away since RCPT: the next attempt tells.
            case .notFound, .alreadyExists: .unavailable(reportID: "recipient-changed")
            case .refused(let reason): .malformed(reason)
            }
    }
}
