package enum PostgresTLS: String, CaseIterable, Sendable {
    case disable, allow, prefer, require
    case verifyAuthority = "verify-ca"
    case verifyFull = "verify-full"
}

/// Where PostgreSQL is, when it holds the store instead of a file in the data folder.
///
/// In the order that `config list` shows. The names are those that PostgreSQL's images and many platforms use.
package struct DatabaseSettings: Sendable {
    package let databaseURL = Setting.secret(
        "DATABASE_URL",
        .database,
        "postgres://user:password@host:port/database; wins over the POSTGRES_ names of the place"
    )
    package let postgresHost = Setting.optionalText(
        "POSTGRES_HOST",
        .database,
        "Host of PostgreSQL, several between commas, or a socket's folder; without it the store is a file in the data folder"
    )
    package let postgresPort = Setting.servicePort("POSTGRES_PORT", .database, 5_432, "Port of PostgreSQL")
    package let postgresUser = Setting.optionalText("POSTGRES_USER", .database, "Role that owns the store's tables")
    package let postgresPassword = Setting.secret("POSTGRES_PASSWORD", .database, "The role's password")
    package let postgresDatabase = Setting.text("POSTGRES_DB", .database, "oonrumail", "Name of the database")
    package let postgresTLS = Setting<PostgresTLS>.choice(
        "POSTGRES_SSLMODE",
        .database,
        .prefer,
        "Whether the connection is encrypted and whom it trusts, as libpq has it"
    )
    package let postgresAuthority = Setting.optionalPath(
        "POSTGRES_SSLROOTCERT",
        .database,
        "PEM file with the authority of the server's certificate, for verify-ca and verify-full"
    )
    package let postgresConnections = Setting.integer(
        "POSTGRES_POOL_SIZE",
        .database,
        8,
        1...500,
        "Connections of this process, each with a thread; four for each core of the server, over all processes, are enough"
    )
    package let postgresPoolWait = Setting.duration(
        "POSTGRES_POOL_WAIT",
        .database,
        .seconds(10),
        .milliseconds(100) ... .seconds(120),
        "Time that a request waits for a connection, or for a server that is away"
    )
    package let postgresStartWait = Setting.duration(
        "POSTGRES_START_WAIT",
        .database,
        .seconds(60),
        .zero ... .seconds(3_600),
        "Time that a service which starts waits for a server that is away; wrong settings end it at once"
    )
    package let postgresConnectTimeout = Setting.duration(
        "POSTGRES_CONNECT_TIMEOUT",
        .database,
        .seconds(5),
        .seconds(2) ... .seconds(120),
        "Time that one attempt to connect has"
    )
    package let postgresStatementTimeout = Setting.duration(
        "POSTGRES_STATEMENT_TIMEOUT",
        .database,
        .seconds(30),
        .milliseconds(100) ... .seconds(3_600),
        "Time that the server gives one statement"
    )
    package let postgresPreparedStatements = Setting.boolean(
        "POSTGRES_PREPARED_STATEMENTS",
        .database,
        true,
        "Keep prepared statements in the session; off behind PgBouncer in transaction mode"
    )
    package let postgresReplicaURL = Setting.secret(
        "POSTGRES_REPLICA_URL",
        .database,
        "Read replica for listings that may be some seconds old, as DATABASE_URL"
    )
    package let postgresReplicaHost = Setting.optionalText(
        "POSTGRES_REPLICA_HOST",
        .database,
        "Host of the read replica, all else as for the server"
    )
    package let migratesAtStart = Setting.boolean(
        "OONRUMAIL_MIGRATE_AT_START",
        .database,
        true,
        "Bring the schema up to date at the start; otherwise `oonrumail migrate` must have done so"
    )
    package let masterKeyFile = Setting.optionalPath(
        "OONRUMAIL_MASTER_KEY_FILE",
        .database,
        "File with the 32 octets (or their base64) that seal keys in the database; processes that share one need the same"
    )
    package let blobFolder = Setting.optionalPath(
        "OONRUMAIL_BLOBS",
        .database,
        "With PostgreSQL: folder of the messages that lie outside the database, the same for every process"
    )
}
