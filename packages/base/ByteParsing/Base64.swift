/// Base 64 of RFC 4648 §4, and its URL-safe form of §5.
@usableFromInline package enum Base64 {
    @usableFromInline static let alphabet: [UInt8] = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    )
    @usableFromInline static let urlAlphabet: [UInt8] = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8
    )
    /// 0 to 63, or 255 for octets outside both alphabets.
    @usableFromInline static let values: [UInt8] = {
        var table = [UInt8](repeating: 255, count: 256)
        for (value, byte) in alphabet.enumerated() { table[Int(byte)] = UInt8(value) }
        table[45] = 62
        table[95] = 63
        return table
    }()

    /// With padding, one line.
    package static func encode(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        encode(bytes, alphabet: alphabet, padded: true)
    }

    /// URL-safe, without padding (RFC 7515 §2).
    package static func encodeURL(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: encode(bytes, alphabet: urlAlphabet, padded: false), as: UTF8.self)
    }

    private static func encode(_ bytes: some Sequence<UInt8>, alphabet: [UInt8], padded: Bool) -> [UInt8] {
        var output: [UInt8] = []
        var pending: UInt32 = 0
        var count = 0
        for byte in bytes {
            pending = pending << 8 | UInt32(byte)
            count += 1
            guard count == 3 else { continue }
            for shift in [18, 12, 6, 0] as [UInt32] { output.append(alphabet[Int(pending >> shift & 63)]) }
            (pending, count) = (0, 0)
        }
        if count == 1 {
            output.append(alphabet[Int(pending >> 2 & 63)])
            output.append(alphabet[Int(pending << 4 & 63)])
            if padded { output += [61, 61] }
        } else if count == 2 {
            output.append(alphabet[Int(pending >> 10 & 63)])
            output.append(alphabet[Int(pending >> 4 & 63)])
            output.append(alphabet[Int(pending << 2 & 63)])
            if padded { output.append(61) }
        }
        return output
    }

    /// Strict: one alphabet's octets, padding right or wholly absent, no white space.
    ///
    /// nil otherwise.
    package static func decode(_ text: some BidirectionalCollection<UInt8>) -> [UInt8]? {
        var body = text[...]
        var padding = 0
        while padding < 2, body.last == 61 {
            body = body.dropLast()
            padding += 1
        }
        guard padding == 0 || text.count % 4 == 0, body.count % 4 != 1 else { return nil }
        var output: [UInt8] = []
        output.reserveCapacity(body.count * 3 / 4)
        var pending: UInt32 = 0
        var bits = 0
        for byte in body {
            let value = values[Int(byte)]
            guard value != 255 else { return nil }
            pending = pending << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                output.append(UInt8(truncatingIfNeeded: pending >> UInt32(bits)))
                pending &= (1 << UInt32(bits)) - 1
            }
        }
        return pending == 0 ? output : nil
    }
}
