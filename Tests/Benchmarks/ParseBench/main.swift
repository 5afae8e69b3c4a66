import DNSWire
import Glibc
import MailModel
import MessageFormat
import SieveScript

// What readers of foreign octets cost, in processor time: octets of ordinary shape, and of the worst that fits their bounds.
//
// usage: ParseBench [rounds]

/// A message as scripts look at it.
struct BenchMessage: SieveMessage {
    let octets: [UInt8]
    let fields: [SieveField]

    init(_ octets: [UInt8]) {
        self.octets = octets
        let parsed = ParsedMessage(parsing: octets)
        fields = parsed.root.fields.fields.map {
            SieveField(name: Array(octets[$0.name]), value: unfolded(octets, $0.value))
        }
    }

    var size: Int { octets.count }
    var entities: [SieveEntity] { [SieveEntity(fields: fields, depth: 0)] }
    func body(of entity: Int, as form: SieveBodyForm, limit: Int) -> [UInt8] { Array(octets.prefix(limit)) }
    func text(of value: [UInt8]) -> [UInt8] { Array(EncodedWord.decode(value).utf8) }
}

/// Nanoseconds of this thread's processor time.
func spent() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

let rounds = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1]) ?? 15 : 15

/// Prints the median over the rounds of one call.
func measure(_ name: String, octets: Int, calls: Int, _ body: () throws -> Int) rethrows {
    var sum = 0
    var times: [Int64] = []
    for _ in 0..<rounds {
        let started = spent()
        for _ in 0..<calls { sum &+= try body() }
        times.append((spent() - started) / Int64(calls))
    }
    let median = Double(times.sorted()[rounds / 2])
    let micros = (median / 10).rounded() / 100
    let each = (median * 10 / Double(octets)).rounded() / 10
    print("\(name): \(octets) octets in \(micros) µs, \(each) ns an octet (\(sum &+ 1 == 0 ? "-" : "ok"))")
}

// MARK: - Scripts

/// Rules as an editor of rules writes them.
func rules(_ count: Int) -> [UInt8] {
    let required = "require [\"fileinto\", \"imap4flags\", \"mailbox\", \"variables\"];\n"
    let each = (0..<count).map { number in
        """
        # rule \(number)
        if anyof (header :contains ["List-Id", "X-Project"] "project\(number).", address :domain "From" "partner\(number).test") {
            fileinto :create :flags "\\\\Seen" "Projects/\(number)";
            stop;
        }

        """
    }
    return Array((required + each.joined()).utf8)
}

let message = BenchMessage(
    Array(
        """
        Received: from relay.example.test by mail.example.test; Thu, 26 Nov 2026 10:00:00 +0000\r
        From: "Sender, The" <sender+list@example.test>\r
        To: recipient@example.test, Other <other@sub.example.test>\r
        Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from afar\r
        List-Id: News <news.example.test>\r
        Message-ID: <1@example.test>\r
        Date: Thu, 26 Nov 2026 09:59:59 +0000\r
        \r
        Hello, world\r

        """.utf8
    )
)
var facts = SieveFacts(now: Timestamp(seconds: 1_780_000_000))
(facts.envelopeFrom, facts.envelopeTo) = ("sender@example.test", "recipient@example.test")

for count in [20, 500] {
    let text = rules(count)
    try measure("read a script of \(count) rules", octets: text.count, calls: 4_000 / count) {
        try SieveScript(text).required.count
    }
    let script = try SieveScript(text)
    try measure("run it over a message", octets: message.size, calls: 4_000 / count) {
        try script.run(on: message, facts).actions.count
    }
}
// Ends inside the deepest blocks: found out at the last octet.
let nested = Array(
    (String(repeating: "if allof(true, not false) {\n", count: 31) + "# " + String(repeating: "x", count: 900_000)).utf8
)
measure("refuse a script that never ends", octets: nested.count, calls: 1) { (try? SieveScript(nested)) == nil ? 0 : 1 }

// MARK: - DNS messages

let zone = WireName("shop.test")
guard let zone, let address = RecordData.octets(DNSNumber.a, "192.0.2.7") else { fatalError("names") }
var answer = DNSMessage(id: 7, asking: .init(name: zone, type: DNSNumber.a))
answer.answers = (0..<40).map { _ in
    .init(name: zone, type: DNSNumber.a, group: DNSNumber.classIN, ttl: 60, data: address)
}
guard let plain = answer.encoded() else { fatalError("message") }
try measure("read an answer of 40 records", octets: plain.count, calls: 500) { try DNSMessage(plain).answers.count }
measure("write it", octets: plain.count, calls: 500) { answer.encoded()?.count ?? 0 }

/// As many records as a message holds, each of a name that is a chain of as many pointers as a name has labels.
func pointers() -> [UInt8] {
    func two(_ number: Int) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 255)] }
    func pointer(_ place: Int) -> [UInt8] { two(0xc000 | place) }
    /// Type, class, time to live, and the length of the data.
    func rest(_ length: Int) -> [UInt8] { [0xff, 0, 0, 1, 0, 0, 0, 0] + two(length) }

    let question: [UInt8] = [1, 97, 0, 0, 1, 0, 1]
    // The chain lies in the data of a record whose type nobody reads.
    var (chain, last): ([UInt8], Int) = ([], 12)
    for index in 0..<126 {
        chain += [1, 97] + pointer(last)
        last = 12 + question.count + 12 + index * 4
    }
    let carrier = pointer(12) + rest(chain.count) + chain
    let record = pointer(last) + rest(0)
    let count = (DNSMessage.longest - 12 - question.count - carrier.count) / record.count
    let header: [UInt8] = [0, 7, 0x84, 0, 0, 1] + two(count + 1) + [0, 0, 0, 0]
    return header + question + carrier + Array(repeatElement(record, count: count).joined())
}
let hostile = pointers()
try measure("read an answer of pointers to pointers", octets: hostile.count, calls: 1) {
    try DNSMessage(hostile).answers.reduce(0) { $0 + $1.name.octets.count }
}
