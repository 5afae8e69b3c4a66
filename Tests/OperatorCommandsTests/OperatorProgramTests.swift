import Accounts
import Domains
import FoundationEssentials
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import OperatorCommands
import PlatformConfig
import Synchronization
import Telemetry
import Testing

final class FakeTerminal: Terminal {
    private struct State {
        var output = ""
        var errors = ""
        var lines: [String]
    }
    private let state: Mutex<State>
    init(lines: [String]) { state = Mutex(State(lines: lines)) }
    func write(_ text: String) { state.withLock { $0.output += text + "\n" } }
    func write(exactly bytes: [UInt8]) { state.withLock { $0.output += String(decoding: bytes, as: UTF8.self) } }
    func writeError(_ text: String) { state.withLock { $0.errors += text + "\n" } }
    func readLine(limit: Int) -> String? { state.withLock { $0.lines.isEmpty ? nil : $0.lines.removeFirst() } }
    func askSecretly(_ prompt: String) -> String? { readLine(limit: 0) }
    var output: String { state.withLock { $0.output } }
    var errors: String { state.withLock { $0.errors } }
}

struct FakeDomains: DomainAdministration {
    let directory: FakeDirectory
    func addDomain(
        _ name: String,
        organisation: OrganisationID,
        now: Timestamp
    ) async throws(StoreError) -> HostedDomain {
        try await directory.addDomain(name, organisation: organisation, keys: [])
    }
    func records(of domain: String) async throws(StoreError) -> [PublishedRecord] {
        [PublishedRecord(name: domain, type: "MX", value: "10 mail.example.test.")]
    }
    func zoneFile(of domain: String) async throws(StoreError) -> String {
        "\(domain). 3600 IN MX 10 mail.example.test."
    }
}

struct Ran {
    var code: Int32
    var output: String
    var errors: String
}

struct NoKeyring: MasterKeyKeeping {
    func change(_ step: MasterKeyStep, output: String?) throws -> Int { throw StoreError.refused("no fake") }
}

@Suite struct OperatorProgramTests {
    let ports = FakePorts(clock: ManualClock())

    private static func key() -> MasterKey {
        guard let master = MasterKey(MasterKey.random()) else { preconditionFailure("a random key is a key") }
        return master
    }

    private static func life(_ directory: FakeDirectory) -> DomainLife {
        guard let master = MasterKey(MasterKey.random()) else { preconditionFailure("a random key is a key") }
        let keys = DomainService(directory: directory, master: master, host: MailHost(name: "mail.example.test"))
        return DomainLife(
            store: directory,
            directory: directory,
            keys: keys,
            resolver: { FakeResolver() },
            resolverName: "a table",
            deliveries: { throw StoreError.refused("no fake") }
        )
    }

    private func run(_ line: [String], input: [String] = [], environment: [String: String] = [:]) async -> Ran {
        let ports = ports
        var commands = CommandEnvironment(
            open: { _ in
                CommandEnvironment.Ports(
                    stores: ports,
                    domains: FakeDomains(directory: ports.accounts),
                    life: Self.life(ports.accounts),
                    passwords: PasswordWork(hasher: PasswordHasher(memory: 8 << 10, passes: 1)) { $0() },
                    certificates: CertificateWatch(
                        store: ports.watched,
                        upkeep: ports.accounts,
                        directory: ports.accounts,
                        look: CertificateLook(
                            resolver: { FakeResolver() },
                            probe: FakeProbe(),
                            files: { nil },
                            roots: nil,
                            takesPrivate: false
                        ),
                        arrangement: CertificateArrangement(places: [], labels: [], port: 443),
                        hostname: "mail.host.test"
                    ),
                    masterKey: Self.key(),
                    keyring: NoKeyring(),
                    close: { await ports.operations.close() }
                )
            },
            serve: { settings in throw StoreError.refused("port \(settings.smtpPort)") },
            restore: { _, settings in throw StoreError.refused("\(settings.data) is not empty") }
        )
        let terminal = FakeTerminal(lines: input)
        commands.terminal = terminal
        commands.environment = environment
        let code = await OperatorProgram.run(line, commands)
        return Ran(code: code, output: terminal.output, errors: terminal.errors)
    }

    @Test func aDomainAnAccountAndAnAlias() async throws {
        #expect(await run(["domain", "add", "Shop.Test"]).code == 0)
        let again = await run(["domain", "add", "shop.test"])
        #expect(again.code == 4 && again.errors == "oonrumail: domain shop.test: it exists already\n")
        #expect(await run(["account", "add", "ann@shop.test", "--password-stdin"], input: ["correct horse"]).code == 0)
        #expect(await run(["account", "add", "ann@shop.test"], input: ["correct horse", "correct horse"]).code == 4)
        #expect(
            await run(["account", "add", "ann@other.test", "--password-stdin"], input: ["correct horse"]).code == 3
        )
        let weak = await run(["account", "add", "bob@shop.test", "--password-stdin"], input: ["short"])
        #expect(weak.code == 1 && weak.errors == "oonrumail: the password is shorter than 8 characters\n")
        #expect(
            await run(["account", "add", "bob@shop.test", "--password-stdin", "--allow-weak"], input: ["short"]).code
                == 0
        )
        #expect(
            await run(["account", "add", "eve@shop.test", "--quota", "2G"], input: ["correct horse", "other horse"])
                .errors.contains("differ")
        )
        #expect(await run(["alias", "add", "sales@shop.test", "ann@shop.test", "bob@shop.test"]).code == 0)
        #expect(await run(["alias", "add", "sales@other.test", "ann@shop.test"]).code == 3)
        let list = await run(["alias", "list", "--json"])
        #expect(list.output.contains(#""alias" : "sales@shop.test""#))
        #expect(await run(["alias", "remove", "sales@shop.test"]).code == 0)
        #expect(await run(["alias", "remove", "sales@shop.test"]).code == 3)
        #expect(ports.operations.calls.count { $0 == "close" } == 12)
        #expect(
            ports.accounts.audit.map(\.action) == [
                "domain.add", "account.add", "account.add", "alias.add", "alias.remove",
            ]
        )
    }

    @Test func listsShowsAndRecords() async throws {
        _ = await run(["domain", "add", "shop.test", "--organisation", "Shop"])
        #expect(await run(["domain", "list"]).output.contains("shop.test  verified  Shop"))
        #expect(await run(["domain", "dns", "shop.test"]).output == "shop.test. 3600 IN MX 10 mail.example.test.\n")
        #expect(await run(["domain", "show", "missing.test"]).code == 3)
        #expect(await run(["domain", "show", "shop.test", "--json"]).output.contains(#""type" : "MX""#))
        _ = await run(
            ["account", "add", "ann@shop.test", "--password-stdin", "--quota", "1M"],
            input: ["correct horse"]
        )
        #expect(
            await run(["account", "list", "--domain", "shop.test"]).output.contains(
                "ann@shop.test  member  active  yes       0         0     1M"
            )
        )
        #expect(await run(["account", "list", "--domain", "missing.test"]).code == 3)
        #expect(await run(["account", "quota", "ann@shop.test", "none"]).output.contains("quota none"))
        #expect(await run(["account", "quota", "ann@shop.test", "much"]).code == 64)
        #expect(await run(["account", "suspend", "ann@shop.test"]).output == "ann@shop.test is suspended.\n")
    }

    @Test func aResetNeedsAYes() async throws {
        _ = await run(["domain", "add", "shop.test"])
        _ = await run(["account", "add", "ann@shop.test", "--password-stdin"], input: ["correct horse"])
        let refused = await run(["account", "reset", "ann@shop.test"])
        #expect(refused.code == 1 && refused.errors.contains("--yes") && ports.accounts.resets.isEmpty)
        #expect(await run(["account", "reset", "ann@shop.test", "--yes"]).code == 0)
        #expect(ports.accounts.resets == [AccountID(1)])
        #expect(await run(["account", "reset", "nobody@shop.test", "--yes"]).code == 3)
    }

    @Test func theQueueIsShownAndChanged() async throws {
        let entry = QueueEntry(
            queueID: QueueID(rawValue: "0123456789abcdef"),
            submitter: .system,
            sender: .null,
            recipient: try #require(EmailAddress("x@remote.test")),
            state: .waiting,
            attempts: 2,
            nextAttemptAt: Timestamp(seconds: 100),
            expiresAt: Timestamp(seconds: 200),
            createdAt: Timestamp(seconds: 1),
            size: 42,
            lastReply: "451 later\u{1B}[2J"
        )
        ports.operations.put(
            entries: [entry],
            attempts: [
                QueueAttempt(
                    at: Timestamp(seconds: 2),
                    host: "mx.remote.test [192.0.2.1]:25",
                    tls: nil,
                    transcript: "S: 220 hi\r\nC: QUIT\r\n"
                )
            ]
        )
        let list = await run(["queue", "list", "--json"])
        #expect(
            list.output.contains(#""queue_id" : "0123456789abcdef""#)
                && list.output.contains(#""next_attempt_at" : "1970-01-01T00:01:40.000Z""#)
        )
        let show = await run(["queue", "show", "0123456789ABCDEF"])
        #expect(
            show.output.contains("because: 451 later?[2J")
                && show.output.contains("next attempt 1970-01-01T00:01:40.000Z")
        )
        #expect(show.output.contains("  C: QUIT"))
        #expect(await run(["queue", "show", "nothing"]).code == 3)
        #expect(await run(["queue", "retry", "x@remote.test"]).output == "1 recipients: retry.\n")
        #expect(await run(["queue", "hold", "@remote.test"]).code == 0)
        #expect(await run(["queue", "release", "--all"]).code == 0)
        #expect(await run(["queue", "cancel", "0123456789abcdef"]).code == 0)
        #expect(await run(["queue", "cancel", "@other.test"]).code == 3)
        #expect(await run(["queue", "cancel"]).code == 64)
        #expect(ports.operations.calls.filter { $0 != "close" } == ["retry", "hold", "release", "cancel", "cancel"])
    }

    @Test func aTraceIsFoundByAddressAndMessageID() async throws {
        let event = TraceEvent(
            at: Timestamp(seconds: 5),
            kind: .accepted,
            queueID: QueueID(rawValue: "0123456789abcdef"),
            messageID: "Ab@x.test",
            sender: "ann@shop.test",
            recipient: "bob@shop.test",
            detail: "250 ok"
        )
        ports.operations.put(events: [event])
        for key in ["Ab@x.test", "<Ab@x.test>", "Bob@Shop.Test", "0123456789abcdef"] {
            let found = await run(["trace", key, "--json"])
            #expect(found.code == 0 && found.output.contains(#""message_id" : "Ab@x.test""#), "\(key)")
        }
        #expect(await run(["trace", "nobody@shop.test"]).code == 3)
        #expect(await run(["trace", "x", "--since", "soon"]).code == 64)
    }

    @Test func verifyBackupAndRestore() async throws {
        #expect(await run(["verify"]).code == 0)
        ports.operations.put(report: VerifyReport(accounts: 1, findings: ["blob abc: hash differs"]))
        let verify = await run(["verify", "--json"])
        #expect(verify.code == 1 && verify.output.contains("blob abc: hash differs") && verify.errors.isEmpty)
        let file = FileManager.default.temporaryDirectory.appending(path: "copy-\(UInt64.random(in: 0 ... .max))").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        #expect(await run(["backup", file]).code == 0)
        #expect(ports.operations.calls.contains("backup \(file)"))
        try #require(FileManager.default.createFile(atPath: file, contents: Data("x".utf8)))
        #expect(await run(["backup", file]).code == 4)
        #expect(await run(["backup", file, "--force"]).code == 0)
        let refused = await run(["restore", file, "--data", "/nowhere/data"])
        #expect(refused.code == 1 && refused.errors == "oonrumail: restore: /nowhere/data is not empty\n")
        #expect(await run(["restore", "/nowhere/file"]).code == 3)
    }

    @Test func settingsComeFromEverywhereAndBadOnesAreNamed() async throws {
        let list = await run(
            ["config", "list", "--json"],
            environment: ["OONRUMAIL_SMTP_PORT": "3025", "OONRUMAIL_BOOTSTRAP_PASSWORD": "opensesame"]
        )
        #expect(list.code == 0 && list.output.contains(#""value" : "3025""#) && !list.output.contains("opensesame"))
        let bad = await run(["serve"], environment: ["OONRUMAIL_SMTP_PORT": "abc", "OONRUMAIL_IMAP_PORT": "-1"])
        #expect(bad.code == 2 && bad.errors.split(separator: "\n").count == 2)
        #expect(bad.errors.contains("oonrumail: OONRUMAIL_SMTP_PORT is 'abc' but takes a port"))
        #expect(await run(["serve", "--production"]).errors == "oonrumail: oonrumail: port 25\n")
        #expect(await run(["serve", "--set", "OONRUMAIL_SMTP_PORT=77"]).errors.contains("port 77"))
        #expect(await run(["serve", "--set", "OONRUMAIL_NOTHING=77"]).code == 2)
        let warned = await run(["serve"], environment: ["OONRUMAIL_SMTP_PROT": "1"])
        #expect(warned.errors.contains("did you mean OONRUMAIL_SMTP_PORT?"))
        #expect(await run(["config", "check"]).output == "settings are acceptable\n")
        #expect(await run(["config", "example"]).output.contains("#OONRUMAIL_SMTP_PORT=2525"))
    }

    @Test func aMessageIsDumpedAsIMAPPrintsIt() async throws {
        let file = FileManager.default.temporaryDirectory.appending(
            path: "message-\(UInt64.random(in: 0 ... .max)).eml"
        ).path
        defer { try? FileManager.default.removeItem(atPath: file) }
        let text = "From: Ann <ann@shop.test>\nSubject: two\nMessage-ID: <1@shop.test>\n\nab\n"
        try #require(FileManager.default.createFile(atPath: file, contents: Data(text.utf8)))
        let dump = await run(["message", "dump", file, "--json"])
        #expect(dump.output.contains(#""envelope":"(NIL \"two\" ((\"Ann\" NIL \"ann\" \"shop.test\"))"#))
        #expect(dump.output.contains(#""message_id":"1@shop.test""#))
        #expect(dump.output.contains(#"\"7BIT\" 4 1"#) || dump.output.contains(#"\"7bit\" 4 1"#))
        let raw = await run(["message", "dump", file, "--json", "--raw"])
        #expect(raw.code == 0 && raw.output != dump.output)
        #expect(await run(["message", "dump", "/nowhere"]).code == 3)
    }

    @Test func helpAndMistakes() async throws {
        let help = await run(["--help"])
        #expect(help.code == 0 && help.output.contains("EXIT CODES"))
        for command in [
            "serve", "config", "domain", "account", "alias", "queue", "trace", "verify", "backup", "restore", "message",
            "version",
        ] {
            #expect(await run([command, "--help"]).code == 0)
        }
        #expect(await run(["nonsense"]).code == 64)
        #expect(await run(["account", "add", "no-address"]).code == 64)
        #expect(await run(["version"]).output == "oonrumail \(PlatformVersion.text)\n")
    }

    @Test func aDeadStoreIsExitCodeFive() async throws {
        ports.accounts.fail(with: .unavailable(reportID: "r1"))
        let dead = await run(["domain", "list"])
        #expect(
            dead.code == 5
                && dead.errors == "oonrumail: domains: the store is not available; the log has the cause under r1\n"
        )
    }
}
