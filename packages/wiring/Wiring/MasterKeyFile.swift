import ByteParsing
import Glibc
import Logging
import MailCrypto
import MailPorts
import NetKit
import Synchronization

/// The platform's master key: seals DKIM keys, second factors and token keys at rest.
///
/// Made at the first start and part of every backup; processes that share a database share it by a file of its own. Read anew when
/// the file changes; a changed file that does not read is reported once, and the keys before it stay.
enum MasterKeyFile {
    /// - Parameter shared: `OONRUMAIL_MASTER_KEY_FILE`; never made here, for another process would make another.
    static func load(_ folder: DataFolder, shared: String?) throws(StartupError) -> MasterKey {
        let file = path(folder, shared: shared)
        if shared == nil, try folder.read(file) == nil { try folder.create(MasterKey.random(), at: file) }
        // Before it is read: what is written meanwhile is seen.
        let watch = MasterKeyWatch(folder, file)
        guard let content = try folder.read(file) else {
            throw StartupError("OONRUMAIL_MASTER_KEY_FILE: there is no file \(file)")
        }
        guard let keys = keys(content), let key = MasterKey(ring: keys, source: { watch.changed() }) else {
            throw StartupError(
                shared == nil
                    ? "\(file) is damaged: it must hold \(MasterKey.length) octets; put the one from a backup back"
                    : "OONRUMAIL_MASTER_KEY_FILE: \(file) must hold \(MasterKey.length) octets, or lines of those in base64"
            )
        }
        return key
    }

    static func path(_ folder: DataFolder, shared: String?) -> String { shared ?? "\(folder.keys)/master.key" }

    /// One key as its octets, or keys in lines of base64, as secrets are often kept; the first one seals.
    static func keys(_ content: [UInt8]) -> [[UInt8]]? {
        if content.count == MasterKey.length { return [content] }
        var keys: [[UInt8]] = []
        for line in content.split(whereSeparator: { $0 == ASCII.lf || $0 == ASCII.cr }) {
            guard let key = Base64.decode(line), key.count == MasterKey.length else { return nil }
            keys.append(key)
        }
        return (1...MasterKey.mostKeys).contains(keys.count) ? keys : nil
    }

    static func text(_ keys: [[UInt8]]) -> [UInt8] { keys.flatMap { Array(Base64.encode($0)) + [ASCII.lf] } }
}

/// Sees that the file has changed; asked before every use of a key, which costs one look at the file's times.
private final class MasterKeyWatch: Sendable {
    private let folder: DataFolder
    private let path: String
    private struct State {
        /// Of the file whose keys are in force.
        var stamp: FileStamp
        /// Of one that did not read and was told of.
        var reported: FileStamp?
    }

    private let state: Mutex<State>

    init(_ folder: DataFolder, _ path: String) {
        (self.folder, self.path) = (folder, path)
        state = Mutex(State(stamp: FileStamp(path)))
    }

    /// The keys when they are others now; a file that does not read is tried again with the next use.
    func changed() -> [[UInt8]]? {
        let now = FileStamp(path)
        guard state.withLock({ $0.stamp != now }) else { return nil }
        let logger = Logger(label: "keys")
        guard let content = try? folder.read(path), let keys = MasterKeyFile.keys(content) else {
            let isNew = state.withLock { state in
                defer { state.reported = now }
                return state.reported != now
            }
            if isNew {
                logger.error(
                    "the changed master key does not read; the keys before it stay",
                    metadata: ["path": "\(path)"]
                )
            }
            return nil
        }
        let isMine = state.withLock { state in
            defer { state.stamp = now }
            return state.stamp != now
        }
        if isMine { logger.notice("master keys reloaded", metadata: ["path": "\(path)", "keys": "\(keys.count)"]) }
        return keys
    }
}

/// Changes the ring in its file, or writes the changed ring elsewhere.
struct MasterKeyKeeper: MasterKeyKeeping {
    let folder: DataFolder
    /// `OONRUMAIL_MASTER_KEY_FILE`.
    let shared: String?

    func change(_ step: MasterKeyStep, output: String?) throws -> Int {
        let file = MasterKeyFile.path(folder, shared: shared)
        guard let content = try folder.read(file), var keys = MasterKeyFile.keys(content) else {
            throw StartupError("\(file) holds no master key")
        }
        switch step {
        case .add:
            guard keys.count < MasterKey.mostKeys else {
                throw StartupError("the ring has \(keys.count) keys already: retire those that are not needed")
            }
            keys.append(MasterKey.random())
        case .rotate:
            if keys.count == 1 {
                // Whoever reads another copy of the file must have the key before anything is sealed with it.
                guard output == nil else {
                    throw StartupError("there is no key to rotate to: add one, bring it to every process, then rotate")
                }
                keys.append(MasterKey.random())
            }
            keys.insert(keys.removeLast(), at: 0)
        case .retire:
            keys = [keys[0]]
        }
        try folder.write(MasterKeyFile.text(keys), to: output ?? file)
        return keys.count
    }
}
