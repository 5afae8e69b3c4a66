import Glibc

/// Who may read a file, beside its owner and its group.
package enum FileMode {
    /// Whether everybody on this machine may read, write or run it; nil when it cannot be looked at.
    package static func isOpenToAll(_ path: String) -> Bool? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return status.st_mode & 0o007 != 0
    }
}
