import MailModel
import Testing

@Suite struct IdentifiersTests {
    @Test func `Queue identifiers ascend with time`() {
        var last = QueueID(time: Timestamp(microseconds: 0), random: .max)
        for step in 1...2_000 {
            let next = QueueID(
                time: Timestamp(microseconds: Int64(step) * 1_000_003_337),
                random: UInt32(step) &* 2_654_435_761
            )
            #expect(last < next)
            #expect(next.rawValue.utf8.count == 16)
            #expect(next.rawValue.utf8.allSatisfy { (48...57).contains($0) || (97...122).contains($0) })
            last = next
        }
    }

    @Test func `Queue identifiers of one moment differ by their random part`() {
        let time = Timestamp(seconds: 1_800_000_000)
        #expect(QueueID(time: time, random: 1) != QueueID(time: time, random: 2))
        #expect(QueueID(time: time, random: 7) == QueueID(time: time, random: 7))
        #expect(QueueID(rawValue: QueueID(time: time, random: 7).rawValue) == QueueID(time: time, random: 7))
    }

    @Test func `Blob hashes print and read 64 digits`() {
        let bytes = (0..<32).map { UInt8($0 * 8) }
        #expect(BlobHash(bytes: bytes)?.description.hasPrefix("000810") == true)
        #expect(BlobHash(bytes: bytes)?.description.utf8.count == 64)
        #expect(BlobHash(bytes: Array(bytes.dropLast())) == nil)
    }

    @Test func `Identifiers compare by number`() {
        #expect(AccountID(2) < AccountID(10))
        #expect(UID(4_294_967_295) > UID(1))
        #expect(ModSeq(7).description == "7")
    }
}

@Suite struct TimestampTests {
    @Test func `Seconds are rounded towards the past`() {
        #expect(Timestamp(microseconds: 1_999_999).seconds == 1)
        #expect(Timestamp(microseconds: 0).seconds == 0)
        #expect(Timestamp(microseconds: -1).seconds == -1)
        #expect(Timestamp(microseconds: -1_000_000).seconds == -1)
        #expect(Timestamp(microseconds: -1_000_001).seconds == -2)
    }

    @Test func `Adds and compares`() {
        let time = Timestamp(seconds: 5)
        #expect(time.adding(seconds: -6) == Timestamp(seconds: -1))
        #expect(time < time.adding(seconds: 1))
    }
}

@Suite struct KeywordsTests {
    @Test func `Keywords are a set without regard to case`() {
        var keywords = Keywords(["b", "A", "a", "$Junk"])
        #expect(keywords.names == ["$Junk", "A", "b"])
        keywords.insert("B")
        #expect(keywords.names.count == 3)
        keywords.remove("a")
        #expect(keywords.names == ["$Junk", "b"])
        #expect(keywords.contains("$JUNK"))
        #expect(Keywords(["x", "Y"]) == Keywords(["Y", "x"]))
    }

    @Test func `Special uses are written as LIST shows them`() {
        #expect(
            SpecialUse.allCases.map(\.attribute).sorted() == [
                "\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Important", "\\Junk", "\\Sent", "\\Trash",
            ]
        )
    }
}
