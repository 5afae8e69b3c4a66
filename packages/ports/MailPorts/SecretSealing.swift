/// Seals what must not lie readable in the store, with the platform's master key.
package protocol SecretSealing: Sendable {
    func seal(_ plain: [UInt8]) -> [UInt8]
    /// nil for what was not sealed here, or was changed since.
    func open(_ sealed: [UInt8]) -> [UInt8]?
}
