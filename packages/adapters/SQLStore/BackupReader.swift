import ByteParsing
import Glibc
import MailCrypto

/// Reads a backup into a folder beside its place, checks it, and puts it in place.
///
/// Every method blocks.
struct BackupReader: ~Copyable {
    private let path: String
    private let descriptor: Int32

    private struct Entry: Hashable {
        var name: String
        var size: Int
        var hash: String
    }

    static func restore(_ path: String, to folder: String) throws(BackupFault) {
        let isNew = mkdir(folder, 0o700) == 0
        guard isNew || errno == EEXIST else { throw .system("cannot make the folder \(folder)") }
        do throws(BackupFault) {
            try restore(path, toExisting: folder)
        } catch {
            if isNew { rmdir(folder) }
            throw error
        }
    }

    private static func restore(_ path: String, toExisting folder: String) throws(BackupFault) {
        let staging = "\(folder)/.restoring"
        // Of a restore that was ended.
        FileTree.remove(tree: staging)
        guard try FileTree.isEmpty(folder) else {
            throw BackupFault("the data folder \(folder) is not empty: a backup is restored to an empty folder only")
        }
        let reader = try BackupReader(path: path)
        defer { FileTree.remove(tree: staging) }
        guard mkdir(staging, 0o700) == 0 else { throw .system("cannot make the folder \(staging)") }
        try reader.unpack(into: staging)
        try Self.putInPlace(staging, folder)
    }

    private init(path: String) throws(BackupFault) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("cannot read \(path)") }
    }

    deinit { close(descriptor) }

    private func unpack(into staging: String) throws(BackupFault) {
        var found: Set<Entry> = []
        var isFirst = true
        while true {
            let block = try read(TarHeader.block, what: isFirst ? "it is not a backup" : "it ends in the middle")
            guard let header = TarHeader(block) else {
                throw BackupFault("\(path) \(isFirst ? "is not a backup" : "is damaged: an entry does not read")")
            }
            isFirst = false
            if header.name == BackupLayout.manifest {
                try check(found, against: header)
                guard found.contains(where: { $0.name == BackupLayout.database }) else {
                    throw BackupFault("\(path) has no database in it")
                }
                return
            }
            guard BackupLayout.isAllowed(header.name) else {
                throw BackupFault("\(path) is not a backup: it has an entry that no backup has")
            }
            found.insert(Entry(name: header.name, size: header.size, hash: try copy(header, into: staging)))
        }
    }

    /// Writes one entry to its file, durably; gives its hash.
    private func copy(_ header: TarHeader, into staging: String) throws(BackupFault) -> String {
        let parts = header.name.utf8.split(separator: 47).map { String(decoding: $0, as: UTF8.self) }
        for depth in 1..<max(1, parts.count) {
            let folder = ([staging] + parts[..<depth]).joined(separator: "/")
            guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
                throw .system("cannot make the folder \(folder)")
            }
        }
        let target = "\(staging)/\(header.name)"
        let file = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw errno == EEXIST
                ? BackupFault("\(path) is damaged: an entry is there twice") : .system("cannot write \(target)")
        }
        defer { close(file) }
        var digest = IncrementalSHA256()
        var left = header.size
        while left > 0 {
            let bytes = try read(min(left, 1 << 20), what: "it ends in the middle")
            digest.update(bytes)
            let isWritten = bytes.withUnsafeBytes { FileTree.writeAll($0, to: file) }
            guard isWritten else { throw .system("cannot write \(target)") }
            left -= bytes.count
        }
        _ = try read(TarHeader.padding(after: header.size), what: "it ends in the middle")
        guard fsync(file) == 0 else { throw .system("cannot write \(target)") }
        return Hexadecimal.text(digest.finish())
    }

    private func check(_ found: Set<Entry>, against header: TarHeader) throws(BackupFault) {
        guard header.size <= BackupLayout.maximumManifest else {
            throw BackupFault("\(path) is damaged: its manifest is too long")
        }
        let text = try read(header.size, what: "it ends in the middle")
        let lines = text.split(separator: 10)
        guard text.last == 10, let title = lines.first, title.elementsEqual(BackupLayout.manifestTitle.utf8) else {
            throw BackupFault("\(path) is of a kind that this program does not know")
        }
        var expected: Set<Entry> = []
        for line in lines.dropFirst() {
            let parts = line.split(separator: 32, maxSplits: 2).map { String(decoding: $0, as: UTF8.self) }
            guard parts.count == 3, parts[0].utf8.count == 64, let size = Int(parts[1]) else {
                throw BackupFault("\(path) is damaged: its manifest does not read")
            }
            expected.insert(Entry(name: parts[2], size: size, hash: parts[0]))
        }
        guard expected.count == lines.count - 1 else {
            throw BackupFault("\(path) is damaged: its manifest names an entry twice")
        }
        if let wrong = found.symmetricDifference(expected).map(\.name).min() {
            throw BackupFault("\(path) is damaged: \(wrong) is not what the manifest says")
        }
    }

    private func read(_ count: Int, what: String) throws(BackupFault) -> [UInt8] {
        var isFailed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            guard let base = buffer.baseAddress else { return }
            while initialized < count {
                let got = Glibc.read(descriptor, base + initialized, count - initialized)
                if got < 0, errno == EINTR { continue }
                isFailed = got < 0
                guard got > 0 else { return }
                initialized += got
            }
        }
        if isFailed { throw .system("cannot read \(path)") }
        guard bytes.count == count else { throw BackupFault("\(path) cannot be restored: \(what)") }
        return bytes
    }

    /// The database last: while it is missing there is no store.
    private static func putInPlace(_ staging: String, _ folder: String) throws(BackupFault) {
        try syncFolders(staging)
        var placed: [String] = []
        do throws(BackupFault) {
            for part in BackupLayout.folders where access("\(staging)/\(part)", F_OK) == 0 {
                FileTree.remove(tree: "\(folder)/\(part)")
                guard rename("\(staging)/\(part)", "\(folder)/\(part)") == 0 else {
                    throw .system("cannot write \(folder)/\(part)")
                }
                placed.append(part)
            }
            try FileTree.sync(folder: folder)
            let database = BackupLayout.database
            guard rename("\(staging)/\(database)", "\(folder)/\(database)") == 0 else {
                throw .system("cannot write \(folder)/\(database)")
            }
            try FileTree.sync(folder: folder)
        } catch {
            for part in placed { FileTree.remove(tree: "\(folder)/\(part)") }
            throw error
        }
    }

    private static func syncFolders(_ folder: String) throws(BackupFault) {
        for entry in try FileTree.entries(of: folder) where entry.isFolder {
            try syncFolders("\(folder)/\(entry.name)")
        }
        try FileTree.sync(folder: folder)
    }
}
