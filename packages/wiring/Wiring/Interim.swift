package import MailModel
package import MailPorts
package import SQLStore

extension SQLStore: MaintenanceStore {
    package func checkHealth() async throws(StoreError) {}
    package func verify() async throws(StoreError) -> VerifyReport { VerifyReport() }
    package func backup(toFile path: String) async throws(StoreError) {}
    package func sweepBlobs(graceSeconds: Int64, now: Timestamp) async throws(StoreError) -> Int { 0 }
    package func close() async {}
    package static func restore(fromFile: String, toFolder: String) async throws {}
}
