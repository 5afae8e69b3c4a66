import Database
import Glibc
package import MailPorts

extension SQLStore {
    package func verify() async throws(StoreError) -> VerifyReport {
        var verifier = StoreVerifier(self)
        return try await verifier.run()
    }

    /// One tar file: the database, the blobs, keys and certificates, and a manifest with the hash of each.
    ///
    /// The database is copied first: every blob that it names lay there already, and no sweep runs meanwhile.
    package func backup(toFile path: String) async throws(StoreError) {
        guard let folder else { throw .refused("only a store in a data folder is backed up to a file") }
        guard let lock = try maintenanceLock(LOCK_SH) else {
            throw .refused("a sweep of the store is under way; try again in a moment")
        }
        defer { lock.release() }
        let partial = "\(path).partial"
        let copy = "\(path).partial-database"
        defer {
            for leftover in [partial, copy, "\(copy)-wal", "\(copy)-shm", "\(copy)-journal"] { unlink(leftover) }
        }
        do throws(BackupFault) {
            unlink(copy)
            let made = Glibc.open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard made >= 0 else { throw .system("cannot write \(copy)") }
            Glibc.close(made)
        } catch {
            throw .refused(error.text)
        }
        try await database.copy(toFile: copy)
        try await Blocking.run { () throws(StoreError) in
            do throws(BackupFault) {
                var writer = try BackupWriter(path: partial)
                try writer.add(file: copy, as: BackupLayout.database)
                unlink(copy)
                for part in BackupLayout.folders { try writer.add(folder: "\(folder)/\(part)", as: part) }
                try writer.finish()
                guard Glibc.rename(partial, path) == 0 else { throw .system("cannot write \(path)") }
                try FileTree.syncParent(of: path)
            } catch {
                throw .refused(error.text)
            }
        }
    }

    /// Fills a new or empty data folder from a backup.
    ///
    /// Nothing is put in place before everything has been read and found
    /// as the manifest says; what fails leaves the folder as it was.
    package static func restore(fromFile path: String, toFolder folder: String) async throws(StoreError) {
        try await Blocking.run { () throws(StoreError) in
            do throws(BackupFault) {
                try BackupReader.restore(path, to: folder)
            } catch {
                throw .refused(error.text)
            }
        }
    }
}

/// What a backup has, by its place in the data folder.
enum BackupLayout {
    static let database = "oonrumail.sqlite"
    static let folders = ["blobs", "keys", "tls"]
    static let manifest = "MANIFEST"
    static let manifestTitle = "oonrumail backup 1"
    /// Octets of the manifest that are read.
    static let maximumManifest = 1 << 30

    /// Whether a file of that name may be restored: below one of the folders, no step upwards, nothing hidden.
    static func isAllowed(_ name: String) -> Bool {
        guard name != database else { return true }
        let parts = name.utf8.split(separator: 47, omittingEmptySubsequences: false)
        return parts.count >= 2 && folders.contains(String(decoding: parts[0], as: UTF8.self)) && parts.count <= 8
            && parts.allSatisfy { part in
                !part.isEmpty && part.first != 46 && part.allSatisfy { $0 > 32 && $0 < 127 && $0 != 92 }
            }
    }
}

/// Why a backup could not be made or read, as an operator reads it.
struct BackupFault: Error {
    let text: String
    init(_ text: String) { self.text = text }
    /// With the cause that the system gives.
    static func system(_ text: String) -> BackupFault { BackupFault("\(text): \(String(cString: strerror(errno)))") }
}
