import Addresses
import ArgumentParser
import MailModel
import MailPorts
import ServiceHost

extension StoreOptions {
    /// Rows of a list that are read at once.
    static let page = 500

    /// Opens the store for a command about addresses.
    func withAddresses(
        _ subject: String,
        _ body: (AddressService, CommandEnvironment.Ports) async throws -> Void
    ) async throws {
        let limits = AddressLimits(try sources.settings())
        try await withPorts(subject) { ports in
            let service = AddressService(
                store: try await ports.stores.addresses(),
                directory: try await ports.stores.directory(),
                limits: limits,
                clock: ports.stores.clock()
            )
            try await body(service, ports)
        }
    }
}

extension AddressActor {
    /// The operator at the command line.
    static let operatorAtShell = AddressActor("cli")
}

extension AddressStore {
    /// Page by page: a domain may have more than one answer holds.
    func every(_ listing: AliasListing) async throws(StoreError) -> [Alias] {
        try await listing.every { page throws(StoreError) in try await aliases(page) }
    }
}

extension ListStore {
    func every(_ listing: DistributionListing) async throws(StoreError) -> [DistributionList] {
        try await listing.every { page throws(StoreError) in try await lists(page) }
    }

    func everyMember(of list: EmailAddress) async throws(StoreError) -> [EmailAddress] {
        try await MemberListing(list: list, limit: StoreOptions.page)
            .every { page throws(StoreError) in try await members(page) }
            .map(\.address)
    }
}
