package import ServiceHost
package enum IMAPModule {
    package static func make(_ context: ServiceContext) async throws -> HostedService { HostedService(name: "imap") }
}
