import MailCrypto
package import MailModel
package import MailPorts
import MessageFormat

/// RFC 8601 §2.7.1: what came of one signature.
package struct DKIMVerification: Hashable, Sendable {
    package enum Result: String, Sendable {
        case pass, fail, neutral, policy
        case temporaryError = "temperror"
        case permanentError = "permerror"
    }
    package var result: Result
    package var domain: String?
    package var selector: String?
    package var algorithm: DKIMKey.Algorithm?
    /// A few words for Authentication-Results and the log.
    package var reason: String
    /// The domain publishes its key for testing only.
    package var isTesting = false
}

extension DKIMVerification {
    init(_ result: Result, _ signature: DKIMSignature, _ reason: String) {
        self.init(
            result: result,
            domain: signature.domain,
            selector: signature.selector,
            algorithm: signature.algorithm,
            reason: reason
        )
    }
}

/// Verifies the DKIM signatures of a message (RFC 6376 §6, RFC 8463, RFC 8301).
package struct DKIMVerifier: Sendable {
    private let resolver: any DNSResolving
    /// Signatures looked at; a message with thousands must not make thousands of lookups (RFC 6376 §8.4).
    package static let maximumSignatures = 8
    /// Sizes of RSA keys that count; beyond 8,192 bits one only costs time.
    ///
    /// RFC 8301 §3.2: "Verifiers MUST NOT consider signatures using RSA keys of less than 1024 bits as valid".
    package static let rsaBits = 1_024...8_192

    package init(resolver: any DNSResolving) { self.resolver = resolver }

    /// One result per signature, in the order of the header; none for an unsigned message.
    ///
    /// The message is header and body, its lines ended by CRLF; it is not copied.
    package func verify(_ message: [UInt8], now: Timestamp) async -> [DKIMVerification] {
        let header = DKIMHeader(message)
        var findings: [Finding] = []
        for field in header.named("dkim-signature").prefix(Self.maximumSignatures) {
            findings.append(await find(field, header, now: now))
        }
        guard !findings.isEmpty else { return [] }
        return await Self.judge(findings, header)
    }

    /// What is known of a signature before anything is hashed.
    private enum Finding: Sendable {
        case judged(DKIMVerification)
        case open(DKIMSignature, DKIMRecord, HeaderField)
    }

    private func find(_ field: HeaderField, _ header: DKIMHeader, now: Timestamp) async -> Finding {
        let signature: DKIMSignature
        do throws(DKIMSignature.Fault) {
            signature = try DKIMSignature(Array(header.bytes[field.value]))
        } catch {
            return .judged(DKIMVerification(result: .permanentError, reason: Self.words(error)))
        }
        func judged(_ result: DKIMVerification.Result, _ reason: String) -> Finding {
            .judged(DKIMVerification(result, signature, reason))
        }
        if let expiresAt = signature.expiresAt, now.seconds > expiresAt {
            return judged(.permanentError, "signature expired")
        }
        let texts: [String]
        do throws(DNSError) {
            texts = try await resolver.txt("\(signature.selector)._domainkey.\(signature.domain)").records
        } catch .temporary {
            return judged(.temporaryError, "key not available")
        } catch {
            return judged(.permanentError, "no key for signature")
        }
        // RFC 6376 §6.1.2: one record is expected; more make the result undefined. The first that reads is taken.
        guard let record = texts.lazy.compactMap({ DKIMRecord($0) }).first else {
            return judged(.permanentError, texts.isEmpty ? "no key for signature" : "key syntax error")
        }
        return .open(signature, record, field)
    }

    /// The hashing is a matter of milliseconds: not on the caller's event loop.
    @concurrent
    private static func judge(_ findings: [Finding], _ header: DKIMHeader) async -> [DKIMVerification] {
        var bodies = BodyHashes(header.body)
        return findings.map { finding in
            switch finding {
            case .judged(let outcome):
                return outcome
            case .open(let signature, let record, let field):
                let (result, reason) = judge(signature, record, field, header, &bodies)
                var outcome = DKIMVerification(result, signature, reason)
                outcome.isTesting = record.isTesting
                return outcome
            }
        }
    }

    /// Each form of the body hashed once, however many signatures cover it.
    private struct BodyHashes {
        private struct Key: Hashable {
            var form: DKIMCanonicalisation
            var limit: Int?
        }
        private let body: ArraySlice<UInt8>
        private var known: [Key: (hash: [UInt8], length: Int)] = [:]

        init(_ body: ArraySlice<UInt8>) { self.body = body }

        mutating func hash(_ form: DKIMCanonicalisation, limit: Int?) -> (hash: [UInt8], length: Int) {
            let key = Key(form: form, limit: limit)
            if let found = known[key] { return found }
            var hasher = DKIMBodyHasher(form, limit: limit)
            hasher.update(body)
            let made = hasher.conclude()
            known[key] = made
            return made
        }
    }

    private static func judge(
        _ signature: DKIMSignature,
        _ record: DKIMRecord,
        _ field: HeaderField,
        _ header: DKIMHeader,
        _ bodies: inout BodyHashes
    ) -> (DKIMVerification.Result, String) {
        // RFC 6376 §3.6.1: "An empty value means that this public key has been revoked."
        guard !record.publicKey.isEmpty else { return (.permanentError, "key revoked") }
        switch (signature.algorithm, record.keyType) {
        case (.rsaSHA256, .rsa), (.ed25519SHA256, .ed25519): ()
        case (.rsaSHA256, .ed25519), (.ed25519SHA256, .rsa): return (.permanentError, "inappropriate key algorithm")
        }
        if record.isStrict, let identity = signature.identity,
            !EmailAddress.lowercased(identity).utf8.suffix(signature.domain.utf8.count + 1).elementsEqual(
                "@\(signature.domain)".utf8
            )
        {
            return (.permanentError, "i= outside the domain")
        }
        let (hash, length) = bodies.hash(signature.body, limit: signature.bodyLength)
        // RFC 6376 §3.5: `l=` "MUST NOT be larger than the actual number of octets".
        if let claimed = signature.bodyLength, claimed > length { return (.permanentError, "l= exceeds the body") }
        guard hash == signature.bodyHash else { return (.fail, "body hash did not verify") }
        let input = signedData(signature, field, header)
        let isGood: Bool
        switch record.keyType {
        case .ed25519:
            // RFC 8463 §3: the signature is over the SHA-256 of the data.
            isGood = Ed25519.verify(signature.signature, of: SHA256.hash(input), publicKey: record.publicKey)
        case .rsa:
            let der = rsaPublicKeyInfo(record.publicKey)
            guard let bits = RSAKey.bits(publicDER: der) else { return (.permanentError, "key syntax error") }
            guard rsaBits.contains(bits) else { return (.policy, "key of \(bits) bits") }
            isGood = RSAKey.verify(signature.signature, of: input, publicDER: der)
        }
        guard isGood else { return (.fail, "signature did not verify") }
        // RFC 6376 §8.2: what stands behind the signed length may be anybody's.
        if let claimed = signature.bodyLength, claimed < length { return (.policy, "body longer than l=") }
        return (.pass, "good signature")
    }

    /// RFC 6376 §3.7: the signed fields, then the signature field without its `b=` value and its CRLF.
    private static func signedData(_ signature: DKIMSignature, _ field: HeaderField, _ header: DKIMHeader) -> [UInt8] {
        var input = header.canonical(signature.signedNames, signature.header, except: field)
        switch signature.header {
        case .relaxed:
            input += DKIMCanonicalisation.relaxed(name: header.bytes[field.name], value: signature.unsignedValue)
                .dropLast(2)
        case .simple:
            input += header.bytes[field.line.lowerBound..<field.value.lowerBound]
            input += signature.unsignedValue
        }
        return input
    }

    /// RFC 6376 erratum 3017: `p=` is a SubjectPublicKeyInfo; some publish the RSAPublicKey within it.
    private static func rsaPublicKeyInfo(_ der: [UInt8]) -> [UInt8] {
        func lengthBytes(_ count: Int) -> [UInt8] {
            count < 128
                ? [UInt8(count)]
                : count < 256 ? [0x81, UInt8(count)] : [0x82, UInt8(count >> 8 & 255), UInt8(count & 255)]
        }
        guard der.count > 8, der.count < 4_096, der[0] == 0x30 else { return der }
        let headerLength = der[1] < 0x80 ? 2 : 2 + Int(der[1] & 0x7F)
        guard headerLength < der.count, der[headerLength] == 0x02 else { return der }
        let algorithm: [UInt8] = [
            0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00,
        ]
        let bits = [0x03] + lengthBytes(der.count + 1) + [0x00] + der
        return [0x30] + lengthBytes(algorithm.count + bits.count) + algorithm + bits
    }

    private static func words(_ fault: DKIMSignature.Fault) -> String {
        switch fault {
        case .syntax: "signature syntax error"
        case .version: "incompatible version"
        case .algorithm: "unsupported algorithm"
        case .canonicalisation: "unsupported canonicalization"
        case .missingTag(let name): "missing \(name)="
        case .fromNotSigned: "From field not signed"
        case .identity: "domain mismatch"
        case .method: "unsupported query method"
        }
    }
}
