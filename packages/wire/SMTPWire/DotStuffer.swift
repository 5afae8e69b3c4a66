package import NIOCore

/// Writes a message for DATA (RFC 5321 §4.5.2), piece by piece: a line's leading dot doubled, CRLF and the final dot at the end.
///
/// The message's own line ends are taken as they are; bare CR and LF are the business of who accepted the message.
package struct DotStuffer: Sendable {
    private enum Position {
        case lineStart, inLine, afterCR
    }
    private var position = Position.lineStart

    package init() {}

    /// Appends the octets of `piece`, stuffed.
    package mutating func write(_ piece: ByteBuffer, into output: inout ByteBuffer) {
        let view = piece.readableBytesView
        var copied = view.startIndex
        var index = view.startIndex
        while index < view.endIndex {
            if position == .lineStart, view[index] == 46 {
                output.writeBytes(view[copied..<index])
                output.writeInteger(46 as UInt8)
                copied = index
            }
            position = .inLine
            guard let end = view[index...].firstIndex(of: 13) else { break }
            index = end + 1
            guard index < view.endIndex else {
                position = .afterCR
                break
            }
        }
        output.writeBytes(view[copied...])
    }

    /// Appends the end of data: CRLF where the message lacks it, then `.CRLF`.
    package mutating func finish(into output: inout ByteBuffer) {
        output.writeString(position == .lineStart ? ".\r\n" : "\r\n.\r\n")
    }
}
