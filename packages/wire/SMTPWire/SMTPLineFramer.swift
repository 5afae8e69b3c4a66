package import NIOCore

/// Cuts commands out of a stream: lines that end with CRLF and with nothing else.
///
/// RFC 5321 §2.3.8: "SMTP servers MUST NOT recognize or generate any other character or character sequence as a line
/// terminator." A line with a bare CR or LF, or one over the limit, is reported once, as soon as it is known, and
/// dropped up to its CRLF; so the outcome does not depend on how the stream was split.
package struct SMTPLineFramer: Sendable {
    package enum Frame: Equatable, Sendable {
        /// Without its CRLF.
        case line([UInt8])
        case bareLineEnding
        case tooLong
    }

    /// Octets of a line with its CRLF.
    package let maximum: Int
    /// Octets after the reader index that hold no line break: never scanned twice.
    private var scanned = 0
    private var isDiscarding = false

    /// RFC 4954 §4.5: "the maximum length of AUTH command lines is 12288 octets", the longest of all.
    package static let maximumLine = 12288

    package init(maximum: Int = maximumLine) { self.maximum = maximum }

    /// Consumes one line, or what of it is not needed; nil: more bytes are needed.
    package mutating func next(_ input: inout ByteBuffer) -> Frame? {
        while true {
            let start = input.readerIndex
            let end = input.writerIndex
            let stop = input.indexOfLineBreak(from: start + scanned, to: end)
            if !isDiscarding, stop - start > maximum - 2 {
                discard(upTo: stop, in: &input)
                return .tooLong
            }
            guard stop < end else {
                wait(at: stop, in: &input)
                return nil
            }
            guard input.octet(at: stop) == 13 else {
                if let frame = bare(at: stop, in: &input) { return frame }
                continue
            }
            guard stop + 1 < end else {
                wait(at: stop, in: &input)
                return nil
            }
            guard input.octet(at: stop + 1) == 10 else {
                if let frame = bare(at: stop, in: &input) { return frame }
                continue
            }
            scanned = 0
            guard isDiscarding else {
                let line = input.readBytes(length: stop - start) ?? []
                input.moveReaderIndex(forwardBy: 2)
                return .line(line)
            }
            isDiscarding = false
            input.moveReaderIndex(to: stop + 2)
        }
    }

    private mutating func wait(at stop: Int, in input: inout ByteBuffer) {
        if isDiscarding { input.moveReaderIndex(to: stop) }
        scanned = stop - input.readerIndex
    }

    /// A bare CR or LF lies at `stop`.
    private mutating func bare(at stop: Int, in input: inout ByteBuffer) -> Frame? {
        let isKnown = isDiscarding
        discard(upTo: stop + 1, in: &input)
        return isKnown ? nil : .bareLineEnding
    }

    private mutating func discard(upTo index: Int, in input: inout ByteBuffer) {
        isDiscarding = true
        scanned = 0
        input.moveReaderIndex(to: index)
    }
}
