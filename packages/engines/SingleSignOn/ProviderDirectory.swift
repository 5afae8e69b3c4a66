package import MailModel
package import MailPorts
package import OpenIDWire

/// What providers say of themselves and the keys that they sign with, remembered for a while.
package actor ProviderDirectory {
    private struct Known {
        var metadata: ProviderMetadata
        var fetchedAt: Timestamp
        var keys: [ProviderKey]?
        var keysAt = Timestamp(seconds: 0)
    }

    private let fetcher: any IdentityProviderFetching
    private let limiter: any RateLimiter
    private let limits: SingleSignOnLimits
    private var known: [String: Known] = [:]

    package init(fetcher: any IdentityProviderFetching, limiter: any RateLimiter, limits: SingleSignOnLimits) {
        self.fetcher = fetcher
        self.limiter = limiter
        self.limits = limits
    }

    package func metadata(
        of issuer: String,
        isFresh: Bool = false,
        now: Timestamp
    ) async throws(ProviderFailure) -> ProviderMetadata {
        if !isFresh, let found = known[issuer], found.fetchedAt.adding(seconds: limits.cacheSeconds) > now {
            return found.metadata
        }
        let base = issuer.utf8.last == UInt8(ascii: "/") ? String(issuer.dropLast()) : issuer
        guard let address = WebAddress(base + ProviderMetadata.path) else {
            throw .fetch("discovery", .addressRefused)
        }
        let document = try await document("discovery", address, issuer, now)
        guard let metadata = ProviderMetadata(document) else { throw .malformed("discovery") }
        // OpenID Connect Discovery 1.0 §4.3: exactly.
        guard metadata.issuer == issuer else { throw .issuerDiffers }
        for one in [metadata.authorization, metadata.token, metadata.keys] where !fetcher.mayAsk(one) {
            throw .fetch("discovery", .addressRefused)
        }
        if known.count >= limits.providers, let oldest = known.min(by: { $0.value.fetchedAt < $1.value.fetchedAt }) {
            known[oldest.key] = nil
        }
        var entry = Known(metadata: metadata, fetchedAt: now)
        if let old = known[issuer], old.metadata.keys == metadata.keys {
            (entry.keys, entry.keysAt) = (old.keys, old.keysAt)
        }
        known[issuer] = entry
        return metadata
    }

    /// The keys that the provider signs with; asked for again when they are old, or when one is missing and that was not asked
    /// for a short while ago.
    package func keys(
        of metadata: ProviderMetadata,
        isOneMissing: Bool = false,
        isFresh: Bool = false,
        now: Timestamp
    ) async throws(ProviderFailure) -> [ProviderKey] {
        let seconds = isOneMissing ? limits.keySeconds : limits.cacheSeconds
        if !isFresh, let entry = known[metadata.issuer], let keys = entry.keys,
            entry.keysAt.adding(seconds: seconds) > now
        {
            return keys
        }
        let document = try await document("keys", metadata.keys, metadata.issuer, now)
        guard let keys = ProviderKey.set(document) else { throw .malformed("keys") }
        known[metadata.issuer]?.keys = keys
        known[metadata.issuer]?.keysAt = now
        return keys
    }

    private func document(
        _ place: String,
        _ address: WebAddress,
        _ issuer: String,
        _ now: Timestamp
    ) async throws(ProviderFailure) -> JSONValue {
        // Who begins sign-ins without end must not have us ask a provider that is away without end.
        let key = "sso.fetch:\(issuer)"
        guard await limiter.peek(key, windowSeconds: 60, now: now) < limits.failuresPerMinute else {
            throw .fetch(place, .tooMany)
        }
        do throws(ProviderFailure) {
            return try await read(place, address)
        } catch {
            _ = await limiter.count(key, limit: limits.failuresPerMinute, windowSeconds: 60, now: now)
            throw error
        }
    }

    private func read(_ place: String, _ address: WebAddress) async throws(ProviderFailure) -> JSONValue {
        let answer: ProviderAnswer
        do throws(ProviderFetchFault) {
            answer = try await fetcher.get(address, authorization: nil)
        } catch {
            throw .fetch(place, error)
        }
        guard answer.status == 200 else { throw .status(place, answer.status) }
        guard let document = JSONValue(answer.body) else { throw .malformed(place) }
        return document
    }
}
