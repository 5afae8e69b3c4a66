import CSodium

/// Authenticated sealing by libsodium's secretbox (XSalsa20-Poly1305), random nonce in front.
///
/// In front of that stands which key it was, once the ring has more than one; what a ring of one key seals names none, and
/// every key of a ring is tried on it.
package enum SecretBox {
    /// Before the key's name; what begins so by chance, one in 2³², is tried both ways.
    private static let mark = Array("OMK1".utf8)
    private static var headLength: Int { mark.count + MasterKey.ID.length }

    package static func seal(_ plain: [UInt8], with key: MasterKey) -> [UInt8] {
        let keys = key.keys
        let box = seal(plain, keys[0].bytes)
        return keys.count == 1 ? box : mark + keys[0].id.bytes + box
    }

    /// `.malformed` when it was sealed with none of these keys, or was changed since.
    package static func open(_ sealed: [UInt8], with key: MasterKey) throws(CryptoError) -> [UInt8] {
        try openTelling(sealed, with: key).plain
    }

    /// Which of the keys it was sealed with, and whether it says so.
    package static func opener(
        of sealed: [UInt8],
        with key: MasterKey
    ) throws(CryptoError) -> (id: MasterKey.ID, isNamed: Bool) {
        let opened = try openTelling(sealed, with: key)
        return (opened.id, opened.isNamed)
    }

    /// The same under the key that seals now, checked by opening it again; nil when it is so already.
    package static func reseal(_ sealed: [UInt8], with key: MasterKey) throws(CryptoError) -> [UInt8]? {
        let opened = try openTelling(sealed, with: key)
        let keys = key.keys
        guard opened.id != keys[0].id || (keys.count > 1 && !opened.isNamed) else { return nil }
        let made = seal(opened.plain, with: key)
        guard try open(made, with: key) == opened.plain else { throw .failed }
        return made
    }

    private static func openTelling(
        _ sealed: [UInt8],
        with key: MasterKey
    ) throws(CryptoError) -> (plain: [UInt8], id: MasterKey.ID, isNamed: Bool) {
        Sodium.require()
        let keys = key.keys
        if sealed.count > headLength, sealed.starts(with: mark) {
            let id = MasterKey.ID(sealed[mark.count..<headLength])
            if let named = keys.first(where: { $0.id == id }), let plain = open(sealed[headLength...], named.bytes) {
                return (plain, id, true)
            }
        }
        for one in keys {
            if let plain = open(sealed[...], one.bytes) { return (plain, one.id, false) }
        }
        throw .malformed
    }

    private static func seal(_ plain: [UInt8], _ key: [UInt8]) -> [UInt8] {
        let nonce = SecureRandom.bytes(Int(crypto_secretbox_NONCEBYTES))
        var sealed = [UInt8](repeating: 0, count: plain.count + Int(crypto_secretbox_MACBYTES))
        let done = crypto_secretbox_easy(&sealed, plain, UInt64(plain.count), nonce, key)
        precondition(done == 0, "secretbox cannot fail on these lengths")
        return nonce + sealed
    }

    private static func open(_ sealed: ArraySlice<UInt8>, _ key: [UInt8]) -> [UInt8]? {
        let nonceLength = Int(crypto_secretbox_NONCEBYTES)
        let overhead = nonceLength + Int(crypto_secretbox_MACBYTES)
        guard sealed.count >= overhead else { return nil }
        let nonce = Array(sealed.prefix(nonceLength))
        let body = Array(sealed.dropFirst(nonceLength))
        var plain = [UInt8](repeating: 0, count: sealed.count - overhead)
        return crypto_secretbox_open_easy(&plain, body, UInt64(body.count), nonce, key) == 0 ? plain : nil
    }
}
