import MailModel
package import MailPorts

extension ZoneFault {
    /// A sentence for who manages the domain: what is wrong, and what to do.
    package var advice: String {
        switch self {
        case .addressRefused:
            "The name server's address is not of the public Internet, and no setting of the platform opens its network."
        case .nameUnknown: "The name server's host name is not found in DNS."
        case .unreachable: "No connection with the name server: is it running, and does its port take TCP from here?"
        case .noAnswer: "The name server took the connection and did not answer in time."
        case .malformed: "What answers there is no name server, or none that can be understood."
        case .badKey:
            "The server does not know the key (BADKEY): its name and algorithm must be exactly those of the server's configuration."
        case .badSignature: "The server has another secret for this key (BADSIG): copy it again."
        case .badTime(let server, let ours):
            "The clocks differ (BADTIME): the server has \(Self.time(server)), the platform \(Self.time(ours)); "
                + "five minutes apart are taken at most."
        case .unsigned(let word):
            "The server's answer (\(DomainLife.shown(word))) is not signed, so it is not believed."
        case .forged: "The server's answer is signed with another key or was changed on the way, so it is not believed."
        case .refused:
            "The server refuses it (REFUSED): the key must be let read and update these names (allow-query, update-policy), "
                + "and a mail host within the zone must have its address there."
        case .notAuthoritative:
            "The server does not serve the zone as its primary (NOTAUTH): is the zone's name right, and the server's?"
        case .notZone: "A record is outside of the zone (NOTZONE): is the zone's name right?"
        case .delegated(let name):
            "\(DomainLife.shown(name)) is delegated to other name servers: the connection must be with those, for their zone."
        case .changed: "The zone has changed since it was looked at: plan again."
        case .failed(let word): "The server could not do it (\(DomainLife.shown(word)))."
        case .unwritable(let name): "\(DomainLife.shown(name)) cannot be written as a record."
        case .keyUnreadable: "The key's secret cannot be read any more: enter it again."
        }
    }

    /// For metrics and logs.
    package var word: String {
        switch self {
        case .addressRefused: "address_refused"
        case .nameUnknown: "name_unknown"
        case .unreachable: "unreachable"
        case .noAnswer: "no_answer"
        case .malformed: "malformed"
        case .badKey: "bad_key"
        case .badSignature: "bad_signature"
        case .badTime: "bad_time"
        case .unsigned: "unsigned"
        case .forged: "forged"
        case .refused: "refused"
        case .notAuthoritative: "not_authoritative"
        case .notZone: "not_zone"
        case .delegated: "delegated"
        case .changed: "changed"
        case .failed: "failed"
        case .unwritable: "unwritable"
        case .keyUnreadable: "key_unreadable"
        }
    }

    /// The last second of the year 9999: a server may say anything of 48 bits.
    private static let lastSecond: Int64 = 253_402_300_799

    /// `2026-11-26 18:54:46 UTC`.
    private static func time(_ seconds: Int64) -> String {
        let seconds = min(max(0, seconds), lastSecond)
        let moment = Timestamp(seconds: seconds)
        let second = seconds % 86_400
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(CalendarDay(moment).dashed) \(two(second / 3_600)):\(two(second / 60 % 60)):\(two(second % 60)) UTC"
    }
}
