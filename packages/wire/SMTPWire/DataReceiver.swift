package import NIOCore

/// Reads a message after DATA (RFC 5321 §4.1.1.4): removes the dots of §4.5.2, ends on CRLF `.` CRLF alone.
///
///     lineStart ──"."──▶ afterDot ──CR──▶ afterDotCR ──LF──▶ end
///         ▲ │                │ other            │ other: violation
///      LF │ ▼ other          ▼                  ▼
///     afterCR ◀──CR── inLine ◀───────────────────
///
/// A bare CR or LF never starts or ends a line; it is remembered and the message read to its true end. From the
/// first violation on, nothing is written.
package struct DataReceiver: Sendable {
    private enum Position {
        case lineStart, inLine, afterCR, afterDot, afterDotCR
    }

    private let maximumSize: Int
    private let maximumLine: Int
    private var position = Position.lineStart
    private var lineLength = 0
    /// Octets of the message so far, unstuffed, with the CRLF of its last line.
    package private(set) var size = 0
    package private(set) var violation: MessageViolation?

    /// - Parameters:
    ///   - maximumSize: octets of the message.
    ///   - maximumLine: octets of a line without CRLF; more than the 998 of RFC 5321 §4.5.3.1.6 may be borne.
    package init(maximumSize: Int, maximumLine: Int) {
        self.maximumSize = maximumSize
        self.maximumLine = maximumLine
    }

    /// Consumes input up to the end of data or of the buffer; true: the message has ended, what is left are commands.
    package mutating func consume(_ input: inout ByteBuffer, into output: inout ByteBuffer) -> Bool {
        let end = input.writerIndex
        var index = input.readerIndex
        var copied = index
        if violation == nil { output.reserveCapacity(minimumWritableBytes: end - index) }
        while index < end {
            switch position {
            case .inLine:
                let stop = input.indexOfLineBreak(from: index, to: end)
                lineLength &+= stop - index
                index = stop
                guard index < end else { break }
                if input.octet(at: index) == 13 { position = .afterCR } else { violate(.bareLineEnding) }
                index &+= 1
            case .afterCR:
                guard input.octet(at: index) == 10 else {
                    violate(.bareLineEnding)
                    position = .inLine
                    break
                }
                index &+= 1
                endLine()
                position = .lineStart
            case .lineStart:
                guard input.octet(at: index) == 46 else {
                    position = .inLine
                    break
                }
                emit(input, copied..<index, into: &output)
                index &+= 1
                copied = index
                position = .afterDot
            case .afterDot:
                guard input.octet(at: index) == 13 else {
                    position = .inLine
                    break
                }
                // Held back: with LF it ends the data, with anything else it is a violation.
                index &+= 1
                copied = index
                position = .afterDotCR
            case .afterDotCR:
                guard input.octet(at: index) == 10 else {
                    violate(.bareLineEnding)
                    position = .inLine
                    break
                }
                input.moveReaderIndex(to: index + 1)
                return true
            }
        }
        emit(input, copied..<end, into: &output)
        if lineLength > maximumLine { violate(.lineTooLong) }
        input.moveReaderIndex(to: end)
        return false
    }

    private mutating func endLine() {
        if lineLength > maximumLine { violate(.lineTooLong) }
        lineLength = 0
    }

    private mutating func emit(_ input: ByteBuffer, _ range: Range<Int>, into output: inout ByteBuffer) {
        size += range.count
        if size > maximumSize { violate(.tooLarge) }
        guard violation == nil else { return }
        output.append(input, range)
    }

    private mutating func violate(_ new: MessageViolation) {
        violation = max(violation ?? new, new)
    }
}
