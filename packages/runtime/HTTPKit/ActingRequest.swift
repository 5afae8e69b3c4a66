package import MailModel

/// A request that somebody makes who acts as another, as the audit trail has it: without what was asked for.
package struct ActingRequest: Hashable, Sendable {
    package var method: String
    /// The pattern of the path: names stand in it for what the client wrote.
    package var route: String
    package var status: Int
    package var remote: IPAddress?
    package init(method: String, route: String, status: Int, remote: IPAddress?) {
        (self.method, self.route, self.status, self.remote) = (method, route, status, remote)
    }
}

/// Who acts as the caller of a request, and where that is written down.
package struct ActingCaller: Sendable {
    package typealias Note = @Sendable (ActingRequest) async throws -> Void

    package var party: ActingParty
    /// Called before the answer goes out: when it throws, there is no answer but its problem.
    package var note: Note
    package init(_ party: ActingParty, note: @escaping Note) { (self.party, self.note) = (party, note) }
}
