import IMAPWire
import NIOCore
import Testing

@Suite struct IMAPFramerTests {
    /// What a server sees of a stream; it accepts every APPEND unless told otherwise.
    private func events(
        _ pieces: [[UInt8]],
        limits: IMAPFramer.Limits = IMAPFramer.Limits(),
        refuses: Bool = false,
        lineMode: Bool = false
    ) -> [IMAPFramer.Event] {
        var framer = IMAPFramer(limits: limits)
        framer.isLineMode = lineMode
        var found: [IMAPFramer.Event] = []
        for piece in pieces {
            var buffer = ByteBuffer(bytes: piece)
            framer.receive(&buffer)
            while let event = framer.next() {
                if case .appendBegins(_, _, let isSynchronizing) = event {
                    #expect(!framer.wantsBytes)
                    if refuses { framer.refuseAppend(isSynchronizing: isSynchronizing) } else { framer.acceptAppend() }
                }
                // Pieces of a message depend on the pieces of the stream: joined.
                if case .appendBytes(let more) = event, case .appendBytes(let before)? = found.last {
                    found[found.count - 1] = .appendBytes(
                        ByteBuffer(bytes: Array(before.readableBytesView) + Array(more.readableBytesView))
                    )
                } else {
                    found.append(event)
                }
            }
        }
        return found
    }

    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
    private func command(_ text: String) -> IMAPFramer.Event { .command(bytes(text)) }

    /// Fed whole, octet by octet, and cut in two at every place.
    private func check(
        _ stream: String,
        _ expected: [IMAPFramer.Event],
        limits: IMAPFramer.Limits = IMAPFramer.Limits(),
        refuses: Bool = false,
        lineMode: Bool = false
    ) {
        let stream = bytes(stream)
        #expect(events([stream], limits: limits, refuses: refuses, lineMode: lineMode) == expected)
        #expect(events(stream.map { [$0] }, limits: limits, refuses: refuses, lineMode: lineMode) == expected)
        for place in 0...stream.count {
            let halves = [Array(stream[..<place]), Array(stream[place...])]
            #expect(events(halves, limits: limits, refuses: refuses, lineMode: lineMode) == expected, "cut at \(place)")
        }
    }

    @Test func `Commands end in CRLF`() {
        check("a NOOP\r\nb CAPABILITY\r\n\r\nc", [command("a NOOP"), command("b CAPABILITY"), command("")])
        check("", [])
    }

    @Test func `Literals are gathered into their command`() {
        check(
            "a LOGIN {4}\r\nuser {4+}\r\npa\r\n x\r\n",
            [
                .continuation, command("a LOGIN {4}\r\nuser {4+}\r\npa\r\n x"),
            ]
        )
        check(
            "a LOGIN {0+}\r\n {0}\r\n\r\nb NOOP\r\n",
            [.continuation, command("a LOGIN {0+}\r\n {0}\r\n"), command("b NOOP")]
        )
        check("a LOGIN {3+}\r\n{1} x\r\n", [command("a LOGIN {3+}\r\n{1} x")])
        check("a SEARCH SUBJECT \"{3}\"\r\n", [command("a SEARCH SUBJECT \"{3}\"")])
        check(
            "a X {}\r\na X {-1}\r\na X {1x}\r\na X }\r\n",
            [command("a X {}"), command("a X {-1}"), command("a X {1x}"), command("a X }")]
        )
    }

    @Test func `The message of an APPEND is passed on in pieces`() {
        for (announced, isSynchronizing) in [("{5}", true), ("{5+}", false), ("~{5}", true), ("~{5+}", false)] {
            check(
                "a APPEND INBOX (\\Seen) \(announced)\r\nx\r\ny\0\r\nb NOOP\r\n",
                [
                    .appendBegins(head: bytes("a APPEND INBOX (\\Seen) "), size: 5, isSynchronizing: isSynchronizing),
                    .appendBytes(ByteBuffer(bytes: bytes("x\r\ny\0"))), .appendEnds(rest: []), command("b NOOP"),
                ]
            )
        }
        check(
            "a append {5+}\r\nINBOX UTF8 (~{2}\r\nhi)\r\n",
            [
                .appendBegins(head: bytes("a append {5+}\r\nINBOX UTF8 ("), size: 2, isSynchronizing: true),
                .appendBytes(ByteBuffer(bytes: bytes("hi"))), .appendEnds(rest: bytes(")")),
            ]
        )
        check(
            "a APPEND {5}\r\nINBOX {0}\r\n\r\n",
            [
                .continuation, .appendBegins(head: bytes("a APPEND {5}\r\nINBOX "), size: 0, isSynchronizing: true),
                .appendEnds(rest: []),
            ]
        )
    }

    @Test func `A refused message passes by or never comes`() {
        check(
            "a APPEND INBOX {5+}\r\nhello\r\nb NOOP\r\n",
            [
                .appendBegins(head: bytes("a APPEND INBOX "), size: 5, isSynchronizing: false), .appendDiscarded,
                command("b NOOP"),
            ],
            refuses: true
        )
        check(
            "a APPEND INBOX {5}\r\nb NOOP\r\n",
            [
                .appendBegins(head: bytes("a APPEND INBOX "), size: 5, isSynchronizing: true), command("b NOOP"),
            ],
            refuses: true
        )
        check(
            "a APPEND INBOX {99999999999999999999+}\r\nxx",
            [
                .appendBegins(head: bytes("a APPEND INBOX "), size: 4_294_967_295, isSynchronizing: false)
            ],
            refuses: true
        )
    }

    @Test func `A second message is never read as commands`() {
        check(
            "a APPEND INBOX {2+}\r\nhi {8+}\r\nz LOGOUT\r\n",
            [
                .appendBegins(head: bytes("a APPEND INBOX "), size: 2, isSynchronizing: false),
                .appendBytes(ByteBuffer(bytes: bytes("hi"))),
                .appendEnds(rest: bytes(" {8+}")), .overflow(head: [], hint: "One message at a time"),
            ]
        )
        check(
            "a APPEND INBOX {2+}\r\nhi {8}\r\nb NOOP\r\n",
            [
                .appendBegins(head: bytes("a APPEND INBOX "), size: 2, isSynchronizing: false),
                .appendBytes(ByteBuffer(bytes: bytes("hi"))),
                .appendEnds(rest: bytes(" {8}")), command("b NOOP"),
            ]
        )
    }

    struct Broken: CustomTestStringConvertible {
        var stream: String
        var head: String
        init(_ stream: String, head: String) { (self.stream, self.head) = (stream, head) }
        var testDescription: String { stream }
    }

    static let broken: [Broken] = [
        Broken("a NOOP\nb NOOP\r\n", head: "a NOOP\n"), Broken("\n", head: "\n"),
        Broken("a NO\rOP\r\n", head: "a NO\rOP"), Broken("a NOOP\r\r\n", head: "a NOOP\r"),
        Broken("a NO\0OP\r\n", head: "a NO\0OP"),
    ]

    @Test(arguments: broken) func `Bare CR, bare LF and NUL end the connection`(row: Broken) {
        for pieces in [[bytes(row.stream)], bytes(row.stream).map { [$0] }] {
            let found = events(pieces)
            #expect(found.count == 1)
            guard case .overflow(let head, _)? = found.first else {
                Issue.record("no overflow")
                return
            }
            #expect(bytes(row.head).starts(with: head) || head.starts(with: bytes(row.head)))
        }
    }

    @Test func `Commands are bounded, with and without literals`() {
        var limits = IMAPFramer.Limits()
        limits.command = 40
        func isOverflow(_ stream: String) -> Bool {
            for pieces in [[bytes(stream)], bytes(stream).map { [$0] }] {
                guard case .overflow(let head, _)? = events(pieces, limits: limits).last else { return false }
                #expect(IMAPCommandParser.tag(of: head) == "a")
            }
            return true
        }
        check(
            "a \(String(repeating: "x", count: 30))\r\n",
            [command("a \(String(repeating: "x", count: 30))")],
            limits: limits
        )
        #expect(isOverflow("a \(String(repeating: "x", count: 50))\r\n"))
        #expect(isOverflow("a \(String(repeating: "x", count: 50))"))
        #expect(isOverflow("a LOGIN {41}\r\n"))
        #expect(isOverflow("a LOGIN {41+}\r\nx NOOP\r\n"))
        #expect(isOverflow("a LOGIN {99999999999999999999+}\r\nx NOOP\r\n"))
        #expect(isOverflow("a LOGIN {9+}\r\n123456789 {9+}\r\n123456789 {9+}\r\n123456789\r\n"))
        // A message is not part of its command.
        check(
            "a APPEND INBOX {60+}\r\n\(String(repeating: "y", count: 60))\r\n",
            [
                .appendBegins(head: bytes("a APPEND INBOX "), size: 60, isSynchronizing: false),
                .appendBytes(ByteBuffer(bytes: [UInt8](repeating: 121, count: 60))), .appendEnds(rest: []),
            ],
            limits: limits
        )
    }

    @Test func `In line mode lines are lines`() {
        check(
            "DONE\r\nAGEAYg== {3}\r\n*\r\n",
            [.line(bytes("DONE")), .line(bytes("AGEAYg== {3}")), .line(bytes("*"))],
            lineMode: true
        )
    }

    @Test func `Nothing comes behind an overflow`() {
        var framer = IMAPFramer()
        var buffer = ByteBuffer(string: "\nb NOOP\r\n")
        framer.receive(&buffer)
        guard case .overflow? = framer.next() else {
            Issue.record("no overflow")
            return
        }
        let behind = framer.next()
        #expect(behind == nil)
        #expect(framer.hasBufferedInput)
    }
}
