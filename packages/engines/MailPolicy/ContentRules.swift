import ByteParsing
package import MailModel
import MessageFormat

/// What a policy rules of a message's octets, in one direction.
package struct ContentRules: Hashable, Sendable {
    /// Octets of a message that are looked at for attachments; the parser bounds parts and depth.
    private var maximumBytes: Int64?
    private var attachments: DomainPolicy.AttachmentRules?

    /// None.
    package init() {}

    package init(_ policy: DomainPolicy, _ direction: DomainPolicy.Direction) {
        maximumBytes = policy.maxMessageBytes
        if let rules = policy.attachments, (rules.direction ?? .both).includes(direction) { attachments = rules }
        attachments?.direction = nil
    }

    package func refusal(of message: [UInt8]) -> PolicyRefusal? {
        if let limit = maximumBytes, Int64(message.count) > limit { return .tooLarge(limit: limit) }
        guard let attachments else { return nil }
        return Self.offence(in: ParsedMessage(parsing: message), attachments).map { .attachment(name: $0) }
    }

    // MARK: - Parts

    /// The first part that a rule names, in whatever it is nested, messages in messages too.
    private static func offence(in message: ParsedMessage, _ rules: DomainPolicy.AttachmentRules) -> String? {
        var waiting = [message.root]
        while let part = waiting.popLast() {
            waiting += part.children.reversed() + part.embedded
            if let name = offence(part, in: message.bytes, rules) { return name }
        }
        return nil
    }

    private static func offence(
        _ part: BodyPart,
        in bytes: [UInt8],
        _ rules: DomainPolicy.AttachmentRules
    ) -> String? {
        for rule in rules.types ?? [] where matches(part.contentType, rule) {
            return String(decoding: part.contentType.value + [ASCII.slash] + part.contentType.subtype, as: UTF8.self)
        }
        // Programs differ in which of the two they show: both count.
        let names = [
            part.disposition(in: bytes)?.text(of: "filename"), part.contentType.text(of: "name"),
        ].compactMap { $0 }
        for name in names {
            // Windows leaves dots and spaces at the end of a name away.
            var text = Array(lowercased(name))
            while text.last == ASCII.dot || text.last == ASCII.space { text.removeLast() }
            for rule in rules.extensions ?? [] where text.hasSuffix([ASCII.dot] + lowercased(rule)) { return name }
            for rule in rules.names ?? [] where Glob.matches(Array(lowercased(rule)), text) { return name }
        }
        return nil
    }

    private static func lowercased(_ text: String) -> [UInt8] { text.utf8.map(\.asciiLowercased) }

    private static func matches(_ type: ParameterizedValue, _ rule: String) -> Bool {
        let parts = lowercased(rule).split(separator: ASCII.slash, maxSplits: 1)
        guard parts.count == 2, parts[0].elementsEqual(type.value) else { return false }
        return parts[1].elementsEqual([ASCII.star]) || parts[1].elementsEqual(type.subtype)
    }
}

extension [UInt8] {
    fileprivate func hasSuffix(_ end: [UInt8]) -> Bool { count >= end.count && suffix(end.count).elementsEqual(end) }
}

/// Patterns in which `*` stands for any octets.
enum Glob {
    /// In time of pattern times text at most.
    static func matches(_ pattern: [UInt8], _ text: [UInt8]) -> Bool {
        var (place, index) = (0, 0)
        var star: (place: Int, index: Int)?
        while index < text.count {
            if place < pattern.count, pattern[place] == ASCII.star {
                star = (place, index)
                place += 1
            } else if place < pattern.count, pattern[place] == text[index] {
                place += 1
                index += 1
            } else if let back = star {
                place = back.place + 1
                index = back.index + 1
                star = (back.place, index)
            } else {
                return false
            }
        }
        return pattern[place...].allSatisfy { $0 == ASCII.star }
    }
}
