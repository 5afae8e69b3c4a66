import MailPorts
import OperatorCommands
import PlatformConfig
import Testing

@Suite struct ConfigCheckCommandTests {
    private func run(_ line: [String], _ checks: [DeploymentCheck] = []) async -> Ran {
        var commands = CommandEnvironment(
            open: { _ in throw StoreError.refused("a command that needs no store opened it") },
            serve: { _ in },
            restore: { _, _ in },
            preflight: { _ in checks }
        )
        let terminal = FakeTerminal(lines: [])
        commands.terminal = terminal
        commands.environment = ["OONRUMAIL_HOSTNAME": "mail.example.test"]
        let code = await OperatorProgram.run(["config", "check"] + line, commands)
        return Ran(code: code, output: terminal.output, errors: terminal.errors)
    }

    @Test func withoutTheChecklistNothingIsTried() async {
        let ran = await run([], [DeploymentCheck("database", .bad)])
        #expect(ran.code == 0 && ran.output == "settings are acceptable\n")
    }

    @Test func theChecklistHasTicksAndLeavesOpenWhatPeopleMustSay() async {
        let ran = await run(
            ["--checklist"],
            [
                DeploymentCheck("database", .good, "schema 7, up to date"),
                DeploymentCheck("redis", .absent, "not set"),
                DeploymentCheck("settings", .warning, "OONRUMAIL_HOSTNMAE is no setting"),
            ]
        )
        #expect(ran.code == 0)
        #expect(
            ran.output.hasPrefix(
                "[x] database: schema 7, up to date\n[-] redis: not set\n[!] settings: OONRUMAIL_HOSTNMAE"
            )
        )
        #expect(ran.output.contains("[ ] the latest backup is less than 24 hours old"))
    }

    @Test func somethingWrongIsExitCodeOneAndCannotForgeALine() async {
        let ran = await run(["--checklist"], [DeploymentCheck("redis", .bad, "refused\n[x] all is well")])
        #expect(ran.code == 1 && ran.errors.contains("1 of 1 checks failed"))
        #expect(ran.output.hasPrefix("[ ] FAILED redis: refused?[x] all is well\n"))
        let document = await run(["--checklist", "--json"], [DeploymentCheck("redis", .bad, "refused")])
        #expect(document.code == 1 && document.output.contains(#""outcome" : "bad""#))
    }
}

@Suite struct SecretStrengthTests {
    private struct Row: CustomTestStringConvertible {
        var secret: String
        var isWeak: Bool
        var testDescription: String { secret }
    }

    private static let rows = [
        Row(secret: "dGhpcyBpcyBub3Qg", isWeak: false), Row(secret: "0123456789abcdef", isWeak: false),
        Row(secret: "0123456789abcde", isWeak: true), Row(secret: "aaaaaaaaaaaaaaaaaaaaaaaa", isWeak: true),
        Row(secret: "abcabcabcabcabcabcabcabc", isWeak: true), Row(secret: "Change-Me-before-production", isWeak: true),
        Row(secret: "passwordpasswordpassword", isWeak: true), Row(secret: "", isWeak: true),
    ]

    @Test(arguments: rows) private func whatIsShortRepeatsOrIsTriedFirstIsWeak(row: Row) {
        #expect((SecretStrength.weakness(of: row.secret) != nil) == row.isWeak)
    }
}
