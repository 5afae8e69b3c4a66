package import Hummingbird
package import MailModel
import NIOCore

/// What a request carries on its way: its id, where it came from, a logger that names it.
package struct PlatformRequestContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    package internal(set) var remote: IPAddress?
    package internal(set) var requestID = ""
    let ledger = ResponseLedger()
    let deadlines: ConnectionDeadlines.Handle

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        deadlines = ConnectionDeadlines.Handle(channel: source.channel)
        remote = Self.address(of: source.channel.remoteAddress)
    }

    static func address(of socket: SocketAddress?) -> IPAddress? {
        socket?.ipAddress.flatMap { text in
            // A scope (`fe80::1%eth0`) is no part of the address.
            IPAddress(String(decoding: text.utf8.prefix { $0 != UInt8(ascii: "%") }, as: UTF8.self))
        }
    }
}
