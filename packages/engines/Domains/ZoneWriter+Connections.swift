import ByteParsing
package import MailModel
package import MailPorts

/// What an administrator wants of a connection with a name server.
package struct ZoneWish: Sendable {
    /// nil: the domain's own name.
    package var zone: String?
    package var host: String
    package var port: Int?
    package var keyName: String
    package var algorithm: String?
    /// In Base64, as `tsig-keygen` prints it; nil keeps the one that is there, as long as server and key stay the same.
    package var secret: String?
    package var isAutomatic: Bool?
    package var repairsDrift: Bool?
    package var removesRecords: Bool?
    package init(host: String, keyName: String) { (self.host, self.keyName) = (host, keyName) }
}

extension ZoneWriter {
    static let standardPort = 53
    /// RFC 2104 §3: keys below the length of the hash "would decrease the security strength"; 16 octets are the least taken.
    static let shortestSecret = 16
    static let longestSecret = 512

    /// Puts a connection in force; the caller manages the domain.
    package func connect(
        _ wish: ZoneWish,
        of member: ZoneMember,
        replacing expected: Int64?,
        audit: AuditEvent
    ) async throws(ZoneWriteFault) -> ZoneConnection {
        let zone = Self.name(wish.zone ?? member.domain)
        guard let zone, EmailAddress.isWithin(member.domain, zone) else {
            throw Self.objection("zone", "It is the domain's name or one that the domain is below.")
        }
        guard let host = IPAddress(wish.host).map(\.description) ?? Self.name(wish.host) else {
            throw Self.objection("server", "This is no host name and no IP address.")
        }
        guard publishing.mayAsk(host) else {
            throw Self.objection("server", ZoneFault.addressRefused.advice)
        }
        guard let port = UInt16(exactly: wish.port ?? Self.standardPort), port > 0 else {
            throw Self.objection("port", "A port is a number from 1 to 65535.")
        }
        guard let key = Self.name(wish.keyName) else {
            throw Self.objection("key_name", "This is no name of a key.")
        }
        guard let algorithm = ZoneKeyAlgorithm(rawValue: wish.algorithm ?? ZoneKeyAlgorithm.hmacSHA256.rawValue) else {
            let known = ZoneKeyAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
            throw Self.objection("algorithm", "It is one of \(known); MD5 and SHA-1 are not taken.")
        }
        let before = try await stored { () async throws(StoreError) in
            try await store.zoneConnection(covering: zone, of: member.organisation)
        }
        let sealed: [UInt8]
        if let text = wish.secret {
            sealed = secrets.seal(try Self.secret(text))
        } else if let before, before.zone == zone, before.host == host, before.port == port, before.keyName == key,
            before.algorithm == algorithm
        {
            // To another server it never goes.
            sealed = before.sealedSecret
        } else {
            throw Self.objection("secret", "A new server or key needs its secret.")
        }
        var next = ZoneConnection(
            organisation: member.organisation,
            zone: zone,
            host: host,
            port: port,
            keyName: key,
            algorithm: algorithm,
            sealedSecret: sealed
        )
        next.isAutomatic = wish.isAutomatic ?? false
        next.repairsDrift = wish.repairsDrift ?? true
        next.removesRecords = wish.removesRecords ?? false
        return try await stored { [next] () async throws(StoreError) in
            try await store.setZoneConnection(next, replacing: expected, audit: audit)
        }
    }

    /// Forgets the connection that covers the domain; records stay where they are.
    package func disconnect(_ member: ZoneMember, audit: AuditEvent) async throws(ZoneWriteFault) {
        let connection = try await connection(of: member)
        try await stored { () async throws(StoreError) in
            try await store.removeZoneConnection(connection, audit: audit)
        }
    }

    /// Lower case, without the final dot; nil for what is no name.
    private static func name(_ text: String) -> String? {
        let lowered = EmailAddress.lowercased(text)
        let plain = lowered.utf8.last == 46 ? String(decoding: lowered.utf8.dropLast(), as: UTF8.self) : lowered
        guard (1...253).contains(plain.utf8.count) else { return nil }
        let labels = plain.utf8.split(separator: 46, omittingEmptySubsequences: false)
        let isName = labels.allSatisfy { label in
            (1...63).contains(label.count)
                && label.allSatisfy {
                    (48...57).contains($0) || (97...122).contains($0) || $0 == 45 || $0 == 95
                }
        }
        return isName ? plain : nil
    }

    private static func objection(_ field: String, _ why: String) -> ZoneWriteFault {
        .connection(.objection(ConnectionObjection(field, why)))
    }

    private static func secret(_ text: String) throws(ZoneWriteFault) -> [UInt8] {
        let trimmed = text.utf8.filter { $0 != 32 && $0 != 9 && $0 != 10 && $0 != 13 }
        guard let octets = Base64.decode(trimmed), (shortestSecret...longestSecret).contains(octets.count) else {
            throw objection(
                "secret",
                "It is Base64 of \(shortestSecret) to \(longestSecret) octets, as tsig-keygen prints it."
            )
        }
        return octets
    }

    // MARK: - Check

    /// Counts a question to the domain's server; `.tooMany` beyond what is taken.
    package func countAsk(_ member: ZoneMember, now: Timestamp) async throws(ZoneWriteFault) {
        let key = "zone.ask:\(member.organisation.rawValue):\(member.domain)"
        guard case .allowed = await limiter.count(key, limit: Self.asksPerMinute, windowSeconds: 60, now: now) else {
            throw .connection(.tooMany)
        }
    }

    /// Tries what can be tried without a trace: whether the server serves the zone and takes the key, and whether the key may
    /// change a name of the domain.
    package func check(_ member: ZoneMember) async throws(ZoneWriteFault) -> [ConnectionCheckStep] {
        let connection = try await connection(of: member)
        let server: ZoneServer
        do throws(ZoneWriteFault) {
            server = try self.server(connection)
        } catch {
            guard case .zone(let fault) = error else { throw error }
            return [ConnectionCheckStep(name: "zone", isGood: false, detail: fault.advice)]
        }
        var steps: [ConnectionCheckStep] = []
        do throws(ZoneFault) {
            _ = try await publishing.records([], at: server)
            steps.append(
                ConnectionCheckStep(
                    name: "zone",
                    isGood: true,
                    detail: "The server serves \(connection.zone) and takes the key."
                )
            )
            // The removal of a record that is not there: permitted or not, it changes nothing.
            var change = ZoneChange()
            let name = "_oonrumail-challenge.\(member.domain)"
            change.removals = [ZoneRecord(set: ZoneSet(name, .txt), ttl: 0, value: "oonrumail-check")]
            try await publishing.apply(change, at: server)
            steps.append(ConnectionCheckStep(name: "update", isGood: true, detail: "The key may change \(name)."))
        } catch {
            let name = steps.isEmpty ? "zone" : "update"
            steps.append(ConnectionCheckStep(name: name, isGood: false, detail: error.advice))
        }
        return steps
    }
}
