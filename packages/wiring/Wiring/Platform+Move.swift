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
        let logger = Logger(label: "move")
        let sqlite = try SQLiteDatabase(path: "\(folder.path)/oonrumail.sqlite", logger: logger)
        var options = settings.postgres
        // Making triggers waits for who is writing; counting a large table takes its time.
        options.statementTimeout = 3_600
        let postgres = try await PostgresDatabase.open(options, logger: logger)
        let near = StoreMove.Side(
            database: sqlite,
            blobs: BlobFiles(folder: folder.blobs, threads: threads, logger: logger)
        )
        let far = StoreMove.Side(database: postgres, blobs: blobStore(settings, folder, threads, logger))
        let isAway = if case .move = order { true } else { false }
        let move = StoreMove(from: isAway ? near : far, to: isAway ? far : near, verify: Self.findings, tell: tell)
        let outcome: MoveOutcome
        do {
            if isAway { try await Migration.apply(to: postgres, now: SystemClock().now()) }
            switch order {
            case .move: outcome = try await move.move()
            case .takeBack: outcome = try await move.takeBack()
            case .confirm:
                try await move.confirm()
                outcome = MoveOutcome()
            }
        } catch {
            await close([sqlite, postgres], threads)
            throw error
        }
        await close([sqlite, postgres], threads)
        return outcome
    }

    private static func close(_ databases: [any SQLDatabase], _ threads: NIOThreadPool) async {
        for database in databases { await database.close() }
        try? await threads.shutdownGracefully()
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
