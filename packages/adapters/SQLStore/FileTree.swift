import Glibc

/// Files and folders as backup and restore need them.
///
/// Every function blocks.
enum FileTree {
    struct Entry {
        var name: String
        var isFolder: Bool
    }

    /// Regular files and folders, by name; none where there is no such folder.
    ///
    /// What vanished meanwhile is left out.
    static func entries(of folder: String) throws(BackupFault) -> [Entry] {
        guard let handle = opendir(folder) else {
            if errno == ENOENT { return [] }
            throw .system("cannot read \(folder)")
        }
        defer { closedir(handle) }
        var found: [Entry] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            var status = stat()
            guard name != ".", name != "..", lstat("\(folder)/\(name)", &status) == 0 else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFDIR: found.append(Entry(name: name, isFolder: true))
            case S_IFREG: found.append(Entry(name: name, isFolder: false))
            default: ()
            }
        }
        return found.sorted { $0.name < $1.name }
    }

    static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        var offset = 0
        while offset < bytes.count {
            let count = Glibc.write(descriptor, base + offset, bytes.count - offset)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            offset += count
        }
        return true
    }

    static func sync(folder: String) throws(BackupFault) {
        let handle = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard handle >= 0 else { throw .system("cannot open \(folder)") }
        defer { close(handle) }
        guard fsync(handle) == 0 else { throw .system("cannot sync \(folder)") }
    }

    static func syncParent(of path: String) throws(BackupFault) {
        let parts = path.utf8.split(separator: 47, omittingEmptySubsequences: false).dropLast()
        let parent = parts.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
        try sync(folder: parent.isEmpty ? (path.utf8.first == 47 ? "/" : ".") : parent)
    }

    static func remove(tree path: String) {
        for entry in (try? entries(of: path)) ?? [] {
            if entry.isFolder { remove(tree: "\(path)/\(entry.name)") } else { unlink("\(path)/\(entry.name)") }
        }
        rmdir(path)
    }

    /// Whether nothing but empty folders (and the lock files of a server) is below.
    static func isEmpty(_ folder: String) throws(BackupFault) -> Bool {
        for entry in try entries(of: folder) {
            if entry.isFolder {
                if try !isEmpty("\(folder)/\(entry.name)") { return false }
            } else if !entry.name.utf8.suffix(5).elementsEqual(".lock".utf8) {
                return false
            }
        }
        return true
    }
}
