package import MailPorts

/// What the operator asks of new passwords beyond `PasswordPolicy`'s own bounds.
package struct PasswordRules: Sendable {
    /// Characters (Unicode scalars); never below `PasswordPolicy.minimumLength`.
    package var minimumLength = PasswordPolicy.minimumLength
    /// Passwords before the present one that may not come back.
    package var history = 5
    /// Whether a password is known to attackers; nil: there is no list of them.
    ///
    /// It may block on a disk.
    package var isBreached: (@Sendable (String) -> Bool)?
    /// Asks the list for everybody; false: for organisations whose policy says so.
    package var asksBreachedList = true
    package init() {}

    /// With what an organisation asks beyond it: whichever is stricter is in force.
    package func under(_ policy: SignInPolicy) -> PasswordRules {
        var rules = self
        rules.minimumLength = max(minimumLength, policy.minimumLength ?? 0)
        rules.history = max(history, policy.history ?? 0)
        rules.asksBreachedList = isBreached != nil && (asksBreachedList || policy.asksBreachedList)
        return rules
    }
}
