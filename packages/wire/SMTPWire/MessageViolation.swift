/// Why a message that is being received will be refused; the gravest one found is reported.
package enum MessageViolation: Int, Comparable, Sendable {
    case tooLarge
    case lineTooLong
    /// CR without LF, or LF without CR: the door to SMTP smuggling.
    case bareLineEnding

    package static func < (left: MessageViolation, right: MessageViolation) -> Bool { left.rawValue < right.rawValue }
}
