import Glibc

/// What changes when a file is written or replaced: the time of its last change and its number in the file system.
package struct FileStamp: Equatable, Sendable {
    private let parts: [Int64]

    /// Of a file as it is now; one that cannot be looked at has a stamp that no file has.
    package init(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            parts = []
            return
        }
        parts = [Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec), Int64(status.st_ino)]
    }
}
