import MailCrypto
package import MailModel
package import MailPorts
import MessageFormat

/// RFC 8601 §2.7.1: what came of one signature.
package struct DKIMVerification: Hashable, Sendable {
    package enum Result: String, Sendable { case pass, fail, neutral, policy, temporaryError = "temperror", permanentError = "permerror" }
    package var result: Result
    package var domain: String?
    package var selector: String?
    package var algorithm: DKIMKey.Algorithm?
    /// A few words for Authentication-Results and the log.
    package var reason: String
    /// The domain publishes its key for testing only.
    package var isTesting = false
}

/// Verifies the DKIM signatures of a message (RFC 6376 §6, RFC 8463, RFC 8301).
package struct DKIMVerifier: Sendable {
    private let resolver: any DNSResolving
    /// Signatures looked at; a message with thousands must not make thousands of lookups (RFC 6376 §8.4).
    package static let maximumSignatures = 8
    /// RFC 8301 §3.2: "Verifiers MUST NOT consider signatures using RSA keys of less than 1024 bits as valid".
    package static let minimumRSABits = 1_024

    package init(resolver: any DNSResolving) { self.resolver = resolver }

    /// One result per signature, in the order of the header; none for an unsigned message.
    package func verify(_ message: [UInt8], now: Timestamp) async -> [DKIMVerification] {
        let header = HeaderBlock(message)
        var results: [DKIMVerification] = []
        let fields = header.fields.fields.filter { message[$0.name].elementsEqual("DKIM-Signature".utf8, by: { $0 | 32 == $1 | 32 }) }
        for field in fields.prefix(Self.maximumSignatures) {
            results.append(await verify(field, header, now: now))
        }
        return results
    }

    private func verify(_ field: HeaderField, _ header: HeaderBlock, now: Timestamp) async -> DKIMVerification {
        let signature: DKIMSignature
        do throws(DKIMSignature.Fault) {
            signature = try DKIMSignature(Array(header.bytes[field.value]))
        } catch {
            return DKIMVerification(result: .permanentError, reason: Self.words(error))
        }
        var outcome = DKIMVerification(
            result: .permanentError, domain: signature.domain, selector: signature.selector, algorithm: signature.algorithm, reason: ""
        )
        if let expiresAt = signature.expiresAt, now.seconds > expiresAt {
            (outcome.result, outcome.reason) = (.permanentError, "signature expired")
            return outcome
        }
        let name = "\(signature.selector)._domainkey.\(signature.domain)"
        let texts: [String]
        do throws(DNSError) {
            texts = try await resolver.txt(name).records
        } catch .temporary {
            (outcome.result, outcome.reason) = (.temporaryError, "key not available")
            return outcome
        } catch {
            outcome.reason = "no key for signature"
            return outcome
        }
        // RFC 6376 §6.1.2: one record is expected; more make the result undefined. The first that reads is taken.
        guard let record = texts.lazy.compactMap({ DKIMRecord($0) }).first else {
            outcome.reason = texts.isEmpty ? "no key for signature" : "key syntax error"
            return outcome
        }
        outcome.isTesting = record.isTesting
        (outcome.result, outcome.reason) = await Self.judge(signature, record, field, header)
        return outcome
    }

    /// The hashing is a matter of milliseconds: not on the caller's event loop.
    @concurrent
    private static func judge(
        _ signature: DKIMSignature, _ record: DKIMRecord, _ field: HeaderField, _ header: HeaderBlock
    ) async -> (DKIMVerification.Result, String) {
        guard !record.publicKey.isEmpty else { return (.permanentError, "key revoked") }
        switch (signature.algorithm, record.keyType) {
        case (.rsaSHA256, .rsa), (.ed25519SHA256, .ed25519): ()
        case (.rsaSHA256, .ed25519), (.ed25519SHA256, .rsa): return (.permanentError, "inappropriate key algorithm")
        }
        if record.isStrict, let identity = signature.identity,
            !EmailAddress.lowercased(identity).utf8.suffix(signature.domain.utf8.count + 1).elementsEqual(("@" + signature.domain).utf8)
        {
            return (.permanentError, "i= outside the domain")
        }
        var hasher = DKIMBodyHasher(signature.body, limit: signature.bodyLength)
        hasher.update(header.bytes[header.bodyStart...])
        let (hash, length) = hasher.finish()
        if let claimed = signature.bodyLength, claimed > length { return (.permanentError, "l= exceeds the body") }
        guard hash == signature.bodyHash else { return (.fail, "body hash did not verify") }
        var input = DKIMSigner.headerInput(header, signature.signedNames, form: signature.header, except: field)
        let name = header.bytes[field.name]
        switch signature.header {
        case .relaxed:
            input += DKIMCanonicalisation.relaxed(name: name, value: signature.unsignedValue).dropLast(2)
        case .simple:
            input += Array(header.bytes[field.line.lowerBound..<field.value.lowerBound]) + signature.unsignedValue
        }
        let isGood: Bool
        switch record.keyType {
        case .ed25519:
            isGood = Ed25519.verify(signature.signature, of: SHA256.hash(input), publicKey: record.publicKey)
        case .rsa:
            let der = rsaPublicKeyInfo(record.publicKey)
            guard let bits = RSAKey.bits(publicDER: der) else { return (.permanentError, "key syntax error") }
            guard bits >= minimumRSABits else { return (.policy, "key of \(bits) bits") }
            isGood = RSAKey.verify(signature.signature, of: input, publicDER: der)
        }
        return isGood ? (.pass, "good signature") : (.fail, "signature did not verify")
    }

    /// RFC 6376 erratum 3017: `p=` is a SubjectPublicKeyInfo; some publish the RSAPublicKey within it.
    private static func rsaPublicKeyInfo(_ der: [UInt8]) -> [UInt8] {
        func lengthBytes(_ count: Int) -> [UInt8] {
            count < 128 ? [UInt8(count)] : count < 256 ? [0x81, UInt8(count)] : [0x82, UInt8(count >> 8 & 255), UInt8(count & 255)]
        }
        guard der.count > 8, der.count < 4_096, der[0] == 0x30 else { return der }
        let headerLength = der[1] < 0x80 ? 2 : 2 + Int(der[1] & 0x7F)
        guard headerLength < der.count, der[headerLength] == 0x02 else { return der }
        let algorithm: [UInt8] = [0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00]
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
