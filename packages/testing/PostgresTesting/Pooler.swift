import Glibc
import ProcessTesting

/// PgBouncer in transaction mode before the shared cluster: any transaction may run in any server session.
package final class Pooler: Sendable {
    package static let absence = "PgBouncer is not installed (apt-get install pgbouncer)"
    package static var isInstalled: Bool { PostgresCluster.isInstalled && access("/usr/sbin/pgbouncer", X_OK) == 0 }
    /// One for the whole process.
    package static let shared: Pooler? = PostgresCluster.shared.flatMap { try? Pooler(cluster: $0) }

    package let port: Int
    private let keeper: Child

    package init(cluster: PostgresCluster) throws {
        port = try LoopbackPort.free()
        keeper = try Child(script: Self.script, arguments: [cluster.folder, "\(cluster.port)", "\(port)"])
        guard keeper.readLine() == "ready" else { throw PostgresCluster.Fault(description: "PgBouncer did not start") }
    }

    /// Clients sign in with the passwords that the server keeps.
    private static let script =
        PostgresCluster.asOwner + """
            folder=$1 port=$2 own=$3
            exec 2>>"$folder/pgbouncer.log"
            cat >"$folder/pgbouncer.ini" <<TEXT
            [databases]
            * = host=$folder port=$port
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = $own
            unix_socket_dir =
            auth_type = scram-sha-256
            auth_user = postgres
            auth_query = SELECT usename, passwd FROM pg_shadow WHERE usename = \\$1
            auth_file = $folder/users
            pool_mode = transaction
            max_client_conn = 5000
            default_pool_size = 4
            server_idle_timeout = 2
            logfile = $folder/pgbouncer.log
            pidfile = $folder/pgbouncer.pid
            TEXT
            echo '"postgres" ""' >"$folder/users"
            if [ "$(id -u)" = 0 ]; then
                touch "$folder/pgbouncer.log"
                chown postgres:postgres "$folder/pgbouncer.ini" "$folder/users" "$folder/pgbouncer.log"
            fi
            as_owner /usr/sbin/pgbouncer -q "$folder/pgbouncer.ini" >&2 &
            pooler=$!
            for _ in $(seq 100); do
                if (exec 3<>/dev/tcp/127.0.0.1/$own) 2>/dev/null; then echo ready; break; fi
                kill -0 $pooler || exit 1
                sleep 0.05
            done
            while read -r line; do :; done
            kill "$(cat "$folder/pgbouncer.pid")"
            """
}
