/// S3 servers of a test, each with an empty bucket called `mail`.
package enum S3Servers {
    package enum Kind: String, CaseIterable, Sendable, CustomStringConvertible {
        /// Checks signatures.
        case rclone
        /// Checks conditions and parts as Amazon does, but no signatures.
        case moto
        package var description: String { rawValue }
        var program: String { self == .rclone ? "rclone" : "moto_server" }
    }

    package static let bucket = "mail"
    package static let accessKeyID = "AKIDEXAMPLE"
    package static let secretAccessKey = "secretexample"
    package static let installed = Kind.allCases.filter { LoopbackServer.find([$0.program]) != nil }
    package static let absence = "neither rclone nor moto_server is installed"

    package static func make(_ kind: Kind) throws -> LoopbackServer {
        let server = try LoopbackServer { port, folder in
            switch kind {
            case .rclone:
                [
                    "rclone", "serve", "s3", "-vv", "--addr", "127.0.0.1:\(port)", "--auth-key",
                    "\(accessKeyID),\(secretAccessKey)", "--vfs-cache-mode", "off", "--config", "/dev/null",
                    "\(folder)/data",
                ]
            case .moto: ["moto_server", "-H", "127.0.0.1", "-p", "\(port)"]
            }
        }
        try LoopbackServer.run("mkdir -p \"$1/data/\(bucket)\"", [server.folder])
        try server.start()
        return server
    }
}
