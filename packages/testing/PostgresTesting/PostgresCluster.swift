import Glibc
import ProcessTesting

/// A private PostgreSQL server of the test process: fresh, on a free loopback port and a local socket, gone with the
/// process however that ends.
package final class PostgresCluster: Sendable {
    package struct Fault: Error, CustomStringConvertible {
        package let description: String
    }

    package let folder: String
    package let port: Int
    /// Of the watching shell, whose end is the server's.
    private let keeper: Child

    /// One for the whole process; nil where PostgreSQL is not installed.
    package static let shared: PostgresCluster? = binaries.flatMap { try? PostgresCluster(binaries: $0) }

    /// Why tests are skipped.
    package static let absence = "PostgreSQL is not installed (apt-get install postgresql)"
    package static var isInstalled: Bool { binaries != nil }

    /// The newest installed release's programs.
    package static let binaries: String? = {
        for version in stride(from: 25, through: 13, by: -1) {
            let folder = "/usr/lib/postgresql/\(version)/bin"
            if access("\(folder)/initdb", X_OK) == 0 { return folder }
        }
        return nil
    }()

    package init(binaries: String, more configuration: String = "") throws {
        var template = Array("/tmp/postgres-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Fault(description: "no temporary folder") }
        folder = String(decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        port = try LoopbackPort.free()
        keeper = try Child(script: Self.script, arguments: [binaries, folder, "\(port)", configuration])
        guard keeper.readLine() == "ready" else { throw Fault(description: "PostgreSQL did not start: see \(folder)") }
    }

    /// Runs SQL as the superuser.
    @discardableResult
    package func psql(_ sql: String, database: String = "postgres") throws -> String {
        guard let binaries = Self.binaries else { throw Fault(description: Self.absence) }
        let child = try Child(
            script:
                "exec \"$1/psql\" -X -q -A -t -v ON_ERROR_STOP=1 -h \"$2\" -p \"$3\" -U postgres -d \"$4\" -c \"$5\" 2>&1",
            arguments: [binaries, folder, "\(port)", database, sql]
        )
        let output = child.readAll()
        let status = child.wait()
        guard status == 0 else { throw Fault(description: "psql: \(output)") }
        return output
    }

    /// `fast` lets nothing be lost; `immediate` is a crash.
    package func stop(_ mode: String = "fast") throws { try control("-m \(mode) -w stop") }
    package func start() throws { try control("-w start -l \(folder)/log") }

    private func control(_ words: String) throws {
        guard let binaries = Self.binaries else { throw Fault(description: Self.absence) }
        let child = try Child(
            script: Self.asOwner + "as_owner \"$1/pg_ctl\" -s -D \"$2/data\" \(words) </dev/null >/dev/null 2>&1",
            arguments: [binaries, folder]
        )
        guard child.wait() == 0 else { throw Fault(description: "pg_ctl \(words) failed") }
    }

    /// PostgreSQL refuses to run as root.
    package static let asOwner = """
        as_owner() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi; }

        """

    /// Local connections need no password, those over the loopback do.
    ///
    /// Ends when its standard input does.
    private static let script =
        asOwner + """
            set -e
            bin=$1 folder=$2 port=$3
            exec 2>"$folder/start.log"
            if [ "$(id -u)" = 0 ]; then chown postgres:postgres "$folder"; fi
            as_owner "$bin/initdb" -D "$folder/data" -U postgres -A trust --no-sync --no-instructions -E UTF8 --locale=C.UTF-8 >&2
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
                -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$folder/server.key" -out "$folder/server.crt" >&2
            if [ "$(id -u)" = 0 ]; then chown postgres:postgres "$folder/server.key" "$folder/server.crt"; fi
            chmod 600 "$folder/server.key"
            cat >>"$folder/data/postgresql.conf" <<TEXT
            listen_addresses = '127.0.0.1'
            port = $port
            unix_socket_directories = '$folder'
            max_connections = 1000
            shared_buffers = 64MB
            fsync = off
            full_page_writes = off
            ssl = on
            ssl_cert_file = '$folder/server.crt'
            ssl_key_file = '$folder/server.key'
            log_min_messages = fatal
            deadlock_timeout = 200ms
            $4
            TEXT
            printf 'local all all trust\\nhost all all 127.0.0.1/32 scram-sha-256\\n' >"$folder/data/pg_hba.conf"
            if [ "$(id -u)" = 0 ]; then chown postgres:postgres "$folder/data/pg_hba.conf"; fi
            as_owner "$bin/pg_ctl" -s -D "$folder/data" -l "$folder/log" -w start </dev/null >&2
            echo ready
            set +e
            while read -r line; do :; done
            as_owner "$bin/pg_ctl" -s -D "$folder/data" -m immediate -w stop </dev/null >&2
            rm -rf "$folder"
            """
}
