package import HTTPKit
package import MailPorts

/// What the store tells of itself.
package enum StorageHealth {
    /// The dependency's name in health answers.
    package static let dependency = "database"

    /// Makes the store a dependency, and `storage` the service that stands for it.
    package static func register(_ maintenance: any MaintenanceStore, in registry: HealthRegistry) {
        registry.addDependency(dependency) { try await maintenance.checkHealth() }
        registry.addService("storage", needs: [dependency])
    }
}
