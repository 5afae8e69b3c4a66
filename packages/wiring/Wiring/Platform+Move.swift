import BlobFiles
import CacheMemory
import Database
import Logging
package import MailPorts
import NIOPosix
package import PlatformConfig
import SQLStore
import StoreMove
import Telemetry

extension Platform {
    /// Moves the one-machine store of the data folder into the database (and blobs) of the settings, or back.
    ///
    /// - Parameter tell: gets lines for the operator while it goes on.
    /// - Throws: `StoreError.refused`, with the reason; the store that served before serves on.
    package static func move(
        _ settings: PlatformSettings,
        _ order: MoveOrder,
        tell: @escaping @Sendable (String) -> Void
    ) async throws -> MoveOutcome {
        guard settings.usesPostgres else { throw StartupError("name the database to move to: --to postgres://…") }
        let folder = try DataFolder(preparing: settings.data)
        // Nobody may serve from the folder while it is filled again.
        if case .takeBack = order { try folder.lockForServing() }
        let threads = NIOThreadPool(numberOfThreads: 4)
        threads.start()
        let backends = try Backends.open(settings, folder, threads, SystemClock())
        let result: Result<MoveOutcome, any Error>
        do {
            result = .success(try await move(settings, order, folder, threads, backends, tell))
        } catch {
            result = .failure(error)
        }
        await backends.close()
        try? await threads.shutdownGracefully()
        return try result.get()
    }

    private static func move(
        _ settings: PlatformSettings,
        _ order: MoveOrder,
        _ folder: DataFolder,
        _ threads: NIOThreadPool,
        _ backends: Backends,
        _ tell: @escaping @Sendable (String) -> Void
    ) async throws -> MoveOutcome {
        let logger = Logger(label: "move")
        var options = settings.postgres
        // Making triggers waits for who is writing; counting a large table takes its time.
        options.statementTimeout = 3_600
        let postgres = try await PostgresDatabase.open(options, logger: logger)
        let sqlite = try SQLiteDatabase(path: "\(folder.path)/oonrumail.sqlite", logger: logger)
        let near = StoreMove.Side(
            database: sqlite,
            blobs: BlobFiles(folder: folder.blobs, threads: threads, logger: logger)
        )
        let far = StoreMove.Side(database: postgres, blobs: backends.blobs)
        let isAway = if case .move = order { true } else { false }
        let move = StoreMove(
            from: isAway ? near : far,
            to: isAway ? far : near,
            now: SystemClock().now,
            verify: Self.findings,
            tell: tell
        )
        let result: Result<MoveOutcome, any Error>
        do {
            switch order {
            case .move:
                try await Migration.apply(to: postgres, now: SystemClock().now())
                result = .success(try await move.move())
            case .takeBack: result = .success(try await move.takeBack())
            case .confirm:
                try await move.confirm()
                result = .success(MoveOutcome())
            }
        } catch {
            result = .failure(error)
        }
        await postgres.close()
        await sqlite.close()
        return try result.get()
    }

    private static func findings(in side: StoreMove.Side) async throws(StoreError) -> [String] {
        var options = SQLStore.Options()
        options.migrates = false
        options.isFilling = true
        let logger = Logger(label: "move")
        let store = try await SQLStore(
            database: side.database,
            blobs: side.blobs,
            feed: MemoryChangeFeed(),
            clock: SystemClock(),
            reports: FaultReports(logger: logger),
            options: options
        )
        return try await store.verify().findings
    }
}
