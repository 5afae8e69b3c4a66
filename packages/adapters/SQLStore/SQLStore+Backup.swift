package import MailPorts

extension SQLStore {
    package func verify() async throws(StoreError) -> VerifyReport { VerifyReport() }
    package func backup(toFile path: String) async throws(StoreError) {}
}
