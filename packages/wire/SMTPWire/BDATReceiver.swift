package import NIOCore

/// Reads a message sent in chunks (RFC 3030 §2): so many octets each, no dots, no terminator.
///
/// Text is held to the rules of DATA, across the chunks: no bare CR or LF, bounded lines. BODY=BINARYMIME is taken
/// as it comes (RFC 3030 §3).
package struct BDATReceiver: Sendable {
    private let maximumSize: Int
    private let maximumLine: Int
    private let isVerbatim: Bool
    private var isAfterCR = false
    private var lineLength = 0
    /// Octets that the present chunk still brings.
    package private(set) var remaining = 0
    /// Octets of the message so far.
    package private(set) var size = 0
    package private(set) var violation: MessageViolation?

    package init(maximumSize: Int, maximumLine: Int, isVerbatim: Bool) {
        self.maximumSize = maximumSize
        self.maximumLine = maximumLine
        self.isVerbatim = isVerbatim
    }

    /// The chunk to come makes the message too large when it would exceed the limit: it is read and dropped.
    package mutating func beginChunk(size chunk: Int) {
        precondition(remaining == 0 && chunk >= 0, "a chunk begins where the last one ended")
        remaining = chunk
        let (total, overflow) = size.addingReportingOverflow(chunk)
        if overflow || total > maximumSize { violate(.tooLarge) }
    }

    /// Consumes input up to the end of the chunk or of the buffer; true: the chunk is complete.
    package mutating func consume(_ input: inout ByteBuffer, into output: inout ByteBuffer) -> Bool {
        let start = input.readerIndex
        let end = start + min(remaining, input.readableBytes)
        remaining -= end - start
        size += end - start
        if !isVerbatim { check(input, start..<end) }
        if violation == nil { output.append(input, start..<end) }
        input.moveReaderIndex(to: end)
        return remaining == 0
    }

    /// After the LAST chunk: a message may not end between CR and LF.
    package mutating func finish() {
        if isAfterCR { violate(.bareLineEnding) }
    }

    private mutating func check(_ input: ByteBuffer, _ range: Range<Int>) {
        var index = range.lowerBound
        while index < range.upperBound {
            if isAfterCR {
                isAfterCR = false
                guard input.octet(at: index) == 10 else {
                    violate(.bareLineEnding)
                    continue
                }
                lineLength = 0
                index += 1
                continue
            }
            let stop = input.indexOfLineBreak(from: index, to: range.upperBound)
            lineLength += stop - index
            if lineLength > maximumLine { violate(.lineTooLong) }
            index = stop
            guard index < range.upperBound else { break }
            if input.octet(at: index) == 13 { isAfterCR = true } else { violate(.bareLineEnding) }
            index += 1
        }
    }

    private mutating func violate(_ new: MessageViolation) {
        violation = max(violation ?? new, new)
    }
}

/// Reads and drops a chunk that was refused: its octets are never commands.
package struct DiscardReceiver: Sendable {
    package private(set) var remaining: Int

    package init(size: Int) { remaining = size }

    /// True: all of it is gone.
    package mutating func consume(_ input: inout ByteBuffer) -> Bool {
        let count = min(remaining, input.readableBytes)
        input.moveReaderIndex(forwardBy: count)
        remaining -= count
        return remaining == 0
    }
}
