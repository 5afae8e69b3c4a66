import ByteParsing
import MailCrypto

/// The platform's master key: seals DKIM keys and token keys at rest.
///
/// Made at the first start and part of every backup; processes that share a database share it by a file of its own.
enum MasterKeyFile {
    /// - Parameter shared: `OONRUMAIL_MASTER_KEY_FILE`; never made here, for another process would make another.
    static func load(_ folder: DataFolder, shared: String?) throws(StartupError) -> MasterKey {
        if let shared {
            guard let content = try folder.read(shared) else {
                throw StartupError("OONRUMAIL_MASTER_KEY_FILE: there is no file \(shared)")
            }
            guard let key = key(content) else {
                throw StartupError(
                    "OONRUMAIL_MASTER_KEY_FILE: \(shared) must hold \(MasterKey.length) octets, or those in base64"
                )
            }
            return key
        }
        let file = "\(folder.keys)/master.key"
        if try folder.read(file) == nil { try folder.create(MasterKey.random(), at: file) }
        guard let content = try folder.read(file), let key = MasterKey(content) else {
            throw StartupError(
                "\(file) is damaged: it must hold \(MasterKey.length) octets; put the one from a backup back"
            )
        }
        return key
    }

    /// The octets as they are, or a line of base64, as secrets are often kept.
    private static func key(_ content: [UInt8]) -> MasterKey? {
        if let key = MasterKey(content) { return key }
        let line = content.prefix { $0 != ASCII.lf && $0 != ASCII.cr }
        guard content.count - line.count <= 2 else { return nil }
        return Base64.decode(line).flatMap { MasterKey($0) }
    }
}
