package import MailPorts

/// The hosts to try for a domain, in order, and how they are spoken to.
package struct Route: Sendable {
    package var hosts: [RemoteHost]
    package var policy: RemotePolicy
}

/// Why there is no host to try; the text reads as a reply, as all reasons in the queue do.
package enum RouteFailure: Error, Hashable, Sendable {
    case transient(reply: String)
    case permanent(reply: String)
}
