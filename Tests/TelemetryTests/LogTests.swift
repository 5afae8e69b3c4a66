import Logging
import MailModel
import Telemetry
import Testing

@Suite struct LogTests {
    private func logger(_ sink: MemorySink, _ format: LineLogHandler.Format = .json) -> Logger {
        let clock = ManualClock(Timestamp(microseconds: 1_770_091_506_789_000))
        return Logger(label: "smtp") {
            LineLogHandler(label: $0, level: .info, format: format, sink: sink, clock: clock)
        }
    }

    @Test func anEventIsOneJSONObjectOnOneLine() {
        let sink = MemorySink()
        var log = logger(sink)
        log[metadataKey: "session"] = "abc"
        log.info(
            "accepted",
            metadata: ["size": .stringConvertible(42), "to": ["a", "b"], "tls": .dictionary(["version": "1.3"])]
        )
        log.debug("not shown")
        #expect(
            sink.lines == [
                #"{"time":"2026-02-03T04:05:06.789Z","level":"info","service":"smtp","message":"accepted","#
                    + #""session":"abc","size":42,"tls.version":"1.3","to":["a","b"]}"# + "\n"
            ]
        )
    }

    @Test func whatAClientSendsStaysInItsString() {
        let sink = MemorySink()
        logger(sink).info("helo", metadata: ["name": "a\"\u{301}\r\n{\"x\":1}\\", "time": "0"])
        let line = sink.lines[0]
        #expect(line.utf8.count(where: { $0 == 10 }) == 1)
        #expect(
            line.utf8.elementsEqual(
                (#"{"time":"2026-02-03T04:05:06.789Z","level":"info","service":"smtp","message":"helo","#
                    + "\"name\":\"a\\\"\u{301}\\r\\n{\\\"x\\\":1}\\\\\",\"metadata.time\":\"0\"}\n").utf8
            )
        )
    }

    @Test func longValuesAreCutBetweenScalars() {
        let sink = MemorySink()
        logger(sink).info("x", metadata: ["v": .string("a" + String(repeating: "é", count: 5_000))])
        #expect(sink.lines[0].utf8.count < 4_300)
        #expect(!sink.lines[0].unicodeScalars.contains("\u{FFFD}"))
    }

    @Test func textFormatIsOneLineToo() {
        let sink = MemorySink()
        logger(sink, .text).warning("two\nlines", metadata: ["k": "v"])
        #expect(sink.lines == ["2026-02-03T04:05:06.789Z warning smtp: two?lines k=v\n"])
    }

    @Test func timesBeforeAndAfterTheEpoch() {
        #expect(RFC3339.text(Timestamp(microseconds: -1)) == "1969-12-31T23:59:59.999Z")
        #expect(RFC3339.text(Timestamp(seconds: 951_782_400)) == "2000-02-29T00:00:00.000Z")
        #expect(RFC3339.wholeSeconds(Timestamp(seconds: 4_102_444_799)) == "2099-12-31T23:59:59Z")
    }

    @Test(
        arguments: [
            ("2026-02-03T04:05:06Z", 1_770_091_506_000_000), ("2026-02-03t04:05:06.789z", 1_770_091_506_789_000),
            ("2026-02-03T04:05:06.1234567Z", 1_770_091_506_123_456),
            ("2026-02-03T05:05:06+01:00", 1_770_091_506_000_000),
            ("2026-02-03T00:35:06-03:30", 1_770_091_506_000_000), ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
        ] as [(String, Int64)]
    )
    func timesAreReadWithFractionsAndOffsets(_ text: String, _ microseconds: Int64) {
        #expect(RFC3339.read(text) == Timestamp(microseconds: microseconds))
    }

    @Test(
        arguments: [
            "", "2026-02-03", "2026-02-03T04:05:06", "2026-02-03 04:05:06Z", "2026-02-30T04:05:06Z",
            "2026-02-03T24:05:06Z",
            "2026-02-03T04:60:06Z", "2026-02-03T04:05:61Z", "2026-02-03T04:05:06.Z", "2026-02-03T04:05:06+0100",
            "2026-02-03T04:05:06+24:00", "2026-02-03T04:05:06ZZ", "2026-02-03T04:05:06.0000000000000000000000Z",
            "+026-02-03T04:05:06Z", "2026-02-03T-4:05:06Z", "1969-12-31T23:59:59Z",
        ]
    )
    func whatIsNoTimeIsNotRead(_ text: String) { #expect(RFC3339.read(text) == nil) }

    @Test func whatIsWrittenIsRead() {
        let time = Timestamp(microseconds: 1_770_091_506_789_000)
        #expect(RFC3339.read(RFC3339.text(time)) == time)
    }
}
