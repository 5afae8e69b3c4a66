package import NIOCore

/// Writes a message for DATA (RFC 5321 §4.5.2), piece by piece: a line's leading dot doubled, CRLF and the final dot at the end.
///
/// A bare CR or LF cannot end the data early at a strict receiver, yet a lax one might take it for a line end: it is
/// written as CRLF, so that no receiver sees another message than this one.
package struct DotStuffer: Sendable {
    private enum Position {
        case lineStart, inLine, afterCR
    }
    private var position = Position.lineStart

    package init() {}

    /// Appends the octets of `piece`, stuffed.
    package mutating func write(_ piece: ByteBuffer, into output: inout ByteBuffer) {
        let end = piece.writerIndex
        var index = piece.readerIndex
        var copied = index
        output.reserveCapacity(minimumWritableBytes: piece.readableBytes + 16)
        while index < end {
            switch position {
            case .lineStart:
                if piece.octet(at: index) == 46 {
                    output.append(piece, copied..<index)
                    output.writeInteger(46 as UInt8)
                    copied = index
                }
                position = .inLine
            case .inLine:
                index = piece.indexOfLineBreak(from: index, to: end)
                guard index < end else { break }
                if piece.octet(at: index) == 13 {
                    index += 1
                    position = .afterCR
                } else {
                    output.append(piece, copied..<index)
                    output.writeStaticString("\r\n")
                    index += 1
                    copied = index
                    position = .lineStart
                }
            case .afterCR:
                if piece.octet(at: index) == 10 {
                    index += 1
                } else {
                    output.append(piece, copied..<index)
                    output.writeInteger(10 as UInt8)
                    copied = index
                }
                position = .lineStart
            }
        }
        output.append(piece, copied..<end)
    }

    /// Appends the end of data: what the last line lacks of CRLF, then `.CRLF`.
    package mutating func finish(into output: inout ByteBuffer) {
        switch position {
        case .lineStart: output.writeStaticString(".\r\n")
        case .inLine: output.writeStaticString("\r\n.\r\n")
        case .afterCR: output.writeStaticString("\n.\r\n")
        }
        position = .lineStart
    }
}
