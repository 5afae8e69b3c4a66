package import Directories
import Domains
package import MailPorts
package import PlatformConfig

extension DirectoryLimits {
    package init(_ settings: PlatformSettings) {
        self.init()
        concurrency = settings.directoryConcurrency
        waiting = settings.directoryWaiting
        retrySeconds = settings.directoryRetry.components.seconds
        absentSeconds = settings.directoryAbsent.components.seconds
        people = settings.directoryPeople
        syncSeconds = settings.directoryInterval.components.seconds
    }
}

extension DirectoryService {
    package convenience init(_ ports: any PortProvider, _ settings: PlatformSettings) async throws {
        self.init(
            store: try await ports.peopleDirectories(),
            directory: try await ports.directory(),
            asking: try await ports.directoryClients(),
            secrets: try await ports.secrets(),
            limits: DirectoryLimits(settings),
            defaultQuota: settings.quotaDefault > 0 ? Int64(settings.quotaDefault) : nil,
            clock: ports.clock()
        )
    }
}

extension DirectorySync {
    /// - Parameter mail: nil: owners are told nothing, as somebody is looking.
    package init(
        _ service: DirectoryService,
        _ ports: any PortProvider,
        mail: (any AccountNoticeSending)? = nil
    ) async throws {
        let people = try await ports.people()
        self.init(service: service, upkeep: try await ports.domains()) {
            organisation,
            subject,
            text,
            now throws(StoreError) in
            guard let mail else { return }
            let notice = OwnerNotice(people: people, mail: mail)
            try await notice.send(to: organisation, subject: subject, text: text, now: now)
        }
    }
}

extension DirectoryConnections {
    package init(
        _ service: DirectoryService,
        _ ports: any PortProvider
    ) async throws {
        self.init(
            service: service,
            sync: try await DirectorySync(service, ports),
            limiter: try await ports.limits()
        )
    }
}
