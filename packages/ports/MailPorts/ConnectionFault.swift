/// A member of a connection that cannot be as it was given, by the name that the HTTP interface has for it.
package struct ConnectionObjection: Error, Hashable, Sendable {
    package var field: String
    package var why: String
    package init(_ field: String, _ why: String) { (self.field, self.why) = (field, why) }

    /// What is wrong with a secret that is sealed and sent elsewhere; nil: nothing.
    package static func secret(_ text: String?, _ field: String, atMost limit: Int) -> ConnectionObjection? {
        guard let text else { return nil }
        let isGood = (1...limit).contains(text.utf8.count) && !text.utf8.contains { $0 < 32 || $0 == 127 }
        return isGood
            ? nil : ConnectionObjection(field, "It takes 1 to \(limit) octets, without control characters.")
    }

    /// What is wrong with the octets of accounts that are made; nil: nothing.
    package static func quota(_ octets: Int64?) -> ConnectionObjection? {
        guard let octets, octets < 0 else { return nil }
        return ConnectionObjection("quota_bytes", "A quota is not negative.")
    }
}

/// A thing that the check of a connection has tried.
package struct ConnectionCheckStep: Equatable, Sendable {
    package var name: String
    package var isGood: Bool
    /// What to know or do; may be shown to who manages the connection, and holds no secret.
    package var detail: String
    package init(name: String, isGood: Bool, detail: String) {
        (self.name, self.isGood, self.detail) = (name, isGood, detail)
    }
}

/// Why a connection with something outside was not shown, set, removed or checked: an identity provider, a directory, a name server.
package enum ConnectionFault: Error, Equatable, Sendable {
    case objection(ConnectionObjection)
    case notFound
    /// Another version is in force.
    case conflict
    case tooMany
    /// Who asks may not; the sentence says who may.
    case forbidden(String)
    case store(StoreError)

    package init(_ error: StoreError) {
        switch error {
        case .notFound: self = .notFound
        case .alreadyExists: self = .conflict
        case .refused, .overQuota, .levelFull, .unavailable, .damaged: self = .store(error)
        }
    }

    /// Work of the store, with its errors as they are for a connection.
    package static func stored<Value>(
        _ work: () async throws(StoreError) -> Value
    ) async throws(ConnectionFault) -> Value {
        do throws(StoreError) {
            return try await work()
        } catch {
            throw ConnectionFault(error)
        }
    }
}
