import ByteParsing
package import NIOCore

/// Cuts a connection's octets into commands: lines end in CRLF only, literals are gathered into their command, and the
/// message of an APPEND is passed on in pieces (RFC 9051 §2.2.1, §4.3; RFC 7888).
package struct IMAPFramer: Sendable {
    package struct Limits: Sendable {
        /// Octets of a command with its literals, APPEND's message apart.
        package var command = 64 << 10
        /// Octets of an appended message.
        package var append = 50 << 20
        package init() {}
    }

    package enum Event: Equatable, Sendable {
        /// A whole command without its final CRLF; literals stand in it as `{n}` CRLF octets.
        case command([UInt8])
        /// A line in line mode (AUTHENTICATE, IDLE).
        case line([UInt8])
        /// A synchronizing literal waits for `+`.
        case continuation
        /// APPEND up to its message; answer with `acceptAppend` or `refuseAppend`.
        case appendBegins(head: [UInt8], size: Int, isSynchronizing: Bool)
        case appendBytes(ByteBuffer)
        /// The message is complete; `rest` is what stood between it and CRLF.
        case appendEnds(rest: [UInt8])
        /// A refused message has been passed over.
        case appendDiscarded
        /// Over the limit, or a line that ends in a bare LF or CR: the connection is to be closed after the answer.
        case overflow(head: [UInt8], hint: String)
    }

    private enum State: Equatable {
        case line
        case literal(left: Int)
        case appendWaiting(size: Int)
        case appendStreaming(left: Int)
        case appendDiscarding(left: Int)
        case appendRest(isDiscarded: Bool)
        /// A second message was announced (MULTIAPPEND, which is not offered): its octets must never be read as commands.
        case unwelcomeLiteral
        case failed
    }

    private var input = ByteBuffer()
    private var command: [UInt8] = []
    private var scanned = 0
    private var state = State.line
    private let limits: Limits
    /// When set, lines are lines: no literals.
    package var isLineMode = false

    package init(limits: Limits = Limits()) { self.limits = limits }

    package var hasBufferedInput: Bool { input.readableBytes > 0 }
    /// False while an APPEND waits for its verdict: the shell stops reading.
    package var wantsBytes: Bool {
        if case .appendWaiting = state { return false }
        return true
    }

    package mutating func receive(_ bytes: inout ByteBuffer) {
        if input.readableBytes == 0 {
            input = bytes
            bytes.moveReaderIndex(to: bytes.writerIndex)
        } else {
            input.writeBuffer(&bytes)
        }
    }

    /// The APPEND announced by `.appendBegins` may come.
    package mutating func acceptAppend() {
        guard case .appendWaiting(let size) = state else { return }
        state = size == 0 ? .appendRest(isDiscarded: false) : .appendStreaming(left: size)
    }

    /// It may not: a synchronizing literal is never sent, any other is passed over.
    package mutating func refuseAppend(isSynchronizing: Bool) {
        guard case .appendWaiting(let size) = state else { return }
        state = isSynchronizing ? .line : size == 0 ? .appendRest(isDiscarded: true) : .appendDiscarding(left: size)
    }

    /// What came; nil when more octets are needed.
    package mutating func next() -> Event? {
        while true {
            switch state {
            case .failed, .appendWaiting: return nil
            case .unwelcomeLiteral:
                state = .failed
                return .overflow(head: [], hint: "One message at a time")
            case .line:
                guard let line = line() else { return overflow() }
                guard let event = ended(line) else { continue }
                return event
            case .literal(let left):
                guard let piece = input.readBytes(length: min(left, input.readableBytes)), !piece.isEmpty || left == 0
                else { return nil }
                command += piece
                state = left == piece.count ? .line : .literal(left: left - piece.count)
                if left > piece.count { return nil }
            case .appendStreaming(let left):
                guard let piece = input.readSlice(length: min(left, input.readableBytes)), piece.readableBytes > 0
                else { return nil }
                let rest = left - piece.readableBytes
                state = rest == 0 ? .appendRest(isDiscarded: false) : .appendStreaming(left: rest)
                return .appendBytes(piece)
            case .appendDiscarding(let left):
                let count = min(left, input.readableBytes)
                guard count > 0 else { return nil }
                input.moveReaderIndex(forwardBy: count)
                state = left == count ? .appendRest(isDiscarded: true) : .appendDiscarding(left: left - count)
            case .appendRest(let isDiscarded):
                guard let line = line() else { return overflow() }
                let isUnwelcome = Literal(atEndOf: line).map { !$0.isSynchronizing } ?? false
                state = isUnwelcome ? .unwelcomeLiteral : .line
                return isDiscarded ? .appendDiscarded : .appendEnds(rest: line)
            }
        }
    }

    /// A line without CRLF; nil when it is not complete (or the state has failed).
    private mutating func line() -> [UInt8]? {
        let view = input.readableBytesView
        guard let found = view.dropFirst(scanned).firstIndex(of: ASCII.lf) else {
            scanned = view.count
            return nil
        }
        let length = found - view.startIndex
        scanned = 0
        // RFC 9051 §2.2: lines end in CRLF; a bare LF is refused, never taken for one.
        guard length > 0, view[found - 1] == ASCII.cr, length <= limits.command else {
            return fail()
        }
        var line = input.readBytes(length: length + 1) ?? []
        line.removeLast(2)
        input.discardReadBytes()
        guard !line.contains(ASCII.cr), !line.contains(0) else {
            command += line
            return fail()
        }
        return line
    }

    private mutating func fail() -> [UInt8]? {
        if command.isEmpty { command = Array(input.readableBytesView.prefix(256)) }
        state = .failed
        return nil
    }

    private mutating func overflow() -> Event? {
        let isFailed = state == .failed
        guard isFailed || scanned + command.count > limits.command else { return nil }
        if !isFailed { _ = fail() }
        return .overflow(
            head: Array(command.prefix(256)),
            hint: isFailed ? "Line is not ended by CRLF or is too long" : "Command is too long"
        )
    }

    private mutating func ended(_ line: [UInt8]) -> Event? {
        if isLineMode { return .line(line) }
        guard let literal = Literal(atEndOf: line) else {
            let whole = command + line
            command = []
            return .command(whole)
        }
        if isMessageLiteral(before: line[..<literal.start]) {
            var head = command + line[..<literal.start]
            command = []
            if head.last == ASCII.tilde { head.removeLast() }
            state = .appendWaiting(size: literal.size)
            return .appendBegins(head: head, size: literal.size, isSynchronizing: literal.isSynchronizing)
        }
        guard command.count + line.count + literal.size + 2 <= limits.command else {
            let head = command + line
            command = []
            // RFC 9051 §4.3: a synchronizing literal can be refused; another's octets are on their way.
            state = literal.isSynchronizing ? .line : .failed
            return .overflow(head: Array(head.prefix(256)), hint: "Literal is too long")
        }
        command += line + [ASCII.cr, ASCII.lf]
        state = .literal(left: literal.size)
        return literal.isSynchronizing ? .continuation : nil
    }

    /// Whether the literal is the message of an APPEND: it is, unless it is the mailbox name.
    private func isMessageLiteral(before line: ArraySlice<UInt8>) -> Bool {
        var cursor = ByteCursor(command + line)
        _ = cursor.take { $0 != ASCII.space }
        guard cursor.skip(ASCII.space), cursor.skip(ignoringCase: "append "), !cursor.isAtEnd else { return false }
        return true
    }
}

/// `{n}`, `{n+}` at the end of a line.
struct Literal {
    var start: Int
    var size: Int
    var isSynchronizing: Bool

    /// Sizes are cut to it.
    static let maximumSize = Int(UInt32.max)

    init?(atEndOf line: [UInt8]) {
        guard line.last == ASCII.rightBrace, let open = line.lastIndex(of: ASCII.leftBrace) else { return nil }
        var cursor = ByteCursor(line, range: (open + 1)..<(line.count - 1))
        let digits = cursor.take { $0.isASCIIDigit }
        guard !digits.isEmpty else { return nil }
        // Beyond number64 it is a literal still: one that no limit allows.
        var number = ByteCursor(Array(digits))
        size = Int(number.number(maximum: UInt64(Self.maximumSize)) ?? UInt64(Self.maximumSize))
        isSynchronizing = !cursor.skip(ASCII.plus)
        guard cursor.isAtEnd else { return nil }
        start = open
    }
}
