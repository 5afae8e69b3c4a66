/// What the operator asks of new passwords beyond `PasswordPolicy`'s own bounds.
package struct PasswordRules: Sendable {
    /// Characters (Unicode scalars); never below `PasswordPolicy.minimumLength`.
    package var minimumLength = PasswordPolicy.minimumLength
    /// Passwords before the present one that may not come back.
    package var history = 5
    /// Whether a password is known to attackers; may block on a disk.
    package var isBreached: @Sendable (String) -> Bool = { _ in false }
    package init() {}
}
