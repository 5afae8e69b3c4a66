import Addresses
import ArgumentParser
import MailModel
import MailPorts
import ServiceHost

extension StoreOptions {
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
    func everyAlias(ofDomain domain: String) async throws(StoreError) -> [Alias] {
        var found: [Alias] = []
        while true {
            let page = try await aliases(ofDomain: domain, after: found.last?.address.canonical, limit: 500)
            found += page
            if page.count < 500 { return found }
        }
    }
}

extension ListStore {
    func everyList(ofDomain domain: String) async throws(StoreError) -> [DistributionList] {
        var found: [DistributionList] = []
        while true {
            let page = try await lists(ofDomain: domain, after: found.last?.address.canonical, limit: 500)
            found += page
            if page.count < 500 { return found }
        }
    }

    func everyMember(of list: EmailAddress) async throws(StoreError) -> [EmailAddress] {
        var found: [EmailAddress] = []
        while true {
            let page = try await members(of: list, after: found.last?.canonical, limit: 500)
            found += page
            if page.count < 500 { return found }
        }
    }
}
