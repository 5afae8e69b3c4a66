/// Redis servers of a test.
package enum RedisServers {
    package static let program = LoopbackServer.find(["redis-server"])
    package static let absence = "redis-server is not installed"
    package static var isInstalled: Bool { program != nil }

    package static func make(_ options: [String] = []) throws -> LoopbackServer {
        let program = program ?? ""
        let server = try LoopbackServer { port, folder in
            [
                program, "--port", "\(port)", "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly",
                "no",
            ] + options
        }
        try server.start()
        return server
    }

    /// With TLS only, and a certificate made for it: `authority.pem` in the server's folder.
    package static func makeWithTLS() throws -> LoopbackServer {
        let program = program ?? ""
        let server = try LoopbackServer { port, folder in
            [
                program, "--port", "0", "--tls-port", "\(port)", "--bind", "127.0.0.1", "--dir", folder, "--save", "",
                "--tls-cert-file", "\(folder)/authority.pem", "--tls-key-file", "\(folder)/key.pem",
                "--tls-ca-cert-file", "\(folder)/authority.pem", "--tls-auth-clients", "no",
            ]
        }
        try LoopbackServer.run(
            """
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=redis.example.test \
                -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$1/key.pem" -out "$1/authority.pem" 2>&1
            """,
            [server.folder]
        )
        try server.start()
        return server
    }

    /// Three masters with all slots between them.
    package static func makeCluster() throws -> [LoopbackServer] {
        let servers = try (0..<3).map { _ in
            try make(["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"])
        }
        try LoopbackServer.run(
            """
            redis-cli --cluster create "$@" --cluster-replicas 0 --cluster-yes 2>&1 || exit 1
            for place in "$@"; do
                n=0
                until redis-cli -p "${place##*:}" cluster info | grep -q cluster_state:ok; do
                    n=$((n + 1)); [ $n -lt 500 ] || { echo "the cluster does not come up"; exit 1; }
                    sleep 0.02
                done
            done
            """,
            servers.map { "127.0.0.1:\($0.port)" }
        )
        return servers
    }

    /// `redis-cli` with these words.
    @discardableResult
    package static func command(_ server: LoopbackServer, _ words: String...) throws -> String {
        try LoopbackServer.run("redis-cli -p \"$@\"", ["\(server.port)"] + words)
    }
}
