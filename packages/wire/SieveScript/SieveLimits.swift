/// Bounds of a script and of one run of it.
///
/// What RFC 5228 §2.10.5 and the extensions' security sections ask for: every one has a name and a default.
package struct SieveLimits: Hashable, Sendable {
    // MARK: - Of the text

    /// Octets of a script.
    package var scriptLength = 1 << 20
    /// Blocks within blocks.
    package var blockDepth = 32
    /// Tests within tests.
    package var testDepth = 32
    /// Commands of a script, all blocks together.
    package var commands = 5_000
    /// Tests of a script, all together.
    package var tests = 10_000
    /// Strings of one list.
    package var listItems = 1_000
    /// Strings and numbers of a script, all together.
    package var arguments = 50_000
    /// Octets of a string, as written and after variables are put in.
    package var stringLength = 1 << 20
    /// Octets of the name of a variable.
    package var variableName = 64

    // MARK: - Of a run

    /// Redirects (RFC 5228 §10: a bound against loops and floods).
    package var redirects = 10
    /// Actions of any kind.
    package var actions = 64
    /// Variables that are set at once.
    package var variables = 128
    /// Octets of a variable's value; longer ones are cut (RFC 5229 §3 asks for 4,000 at least).
    package var variableLength = 16 << 10
    /// Flags of one list.
    package var flags = 64
    /// Octets of a flag.
    package var flagLength = 255
    /// Header fields that are added and deleted.
    package var headerEdits = 256
    /// Octets of an added header field's value.
    package var headerValue = 8_000
    /// Octets of a name that a mailbox has.
    package var mailboxName = 1_024
    /// Octets of a body that tests look into, all tests of a run together.
    package var bodyLength = 16 << 20
    /// Header fields that are looked at.
    package var headerFields = 4_000
    /// MIME parts that are looked at.
    package var parts = 1_000
    /// Elementary steps: octets compared or copied, commands and tests done.
    package var steps = 20_000_000
    /// Loops over MIME parts within one another.
    package var loops = 4
    /// Seconds that a duplicate is remembered for at most.
    package var duplicateSeconds: Int64 = 30 * 86_400
    /// Octets of the text of a reply or a refusal.
    package var reasonLength = 64 << 10
    package init() {}
}
