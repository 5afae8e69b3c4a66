import MailCrypto

/// The platform's master key: seals DKIM keys and token keys at rest.
///
/// Made at the first start; part of every backup.
enum MasterKeyFile {
    static func load(_ folder: DataFolder) throws(StartupError) -> MasterKey {
        let file = "\(folder.keys)/master.key"
        if try folder.read(file) == nil { try folder.create(MasterKey.random(), at: file) }
        guard let content = try folder.read(file), let key = MasterKey(content) else {
            throw StartupError(
                "\(file) is damaged: it must hold \(MasterKey.length) octets; put the one from a backup back"
            )
        }
        return key
    }
}
