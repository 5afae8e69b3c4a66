/// What of SASLprep (RFC 4013) protects a server: no control characters, valid UTF-8, bounded length.
///
/// Nothing is mapped: a password is compared as the octets that were sent.
enum SASLText {
    static func name(_ bytes: ArraySlice<UInt8>) throws(SASLExchange.Failure) -> String {
        try check(bytes, maximum: SASLExchange.maximumName)
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .malformed }
        return text
    }

    static func password(_ bytes: ArraySlice<UInt8>) throws(SASLExchange.Failure) -> Secret {
        try check(bytes, maximum: SASLExchange.maximumPassword)
        guard String(validating: bytes, as: UTF8.self) != nil else { throw .malformed }
        return Secret(Array(bytes))
    }

    private static func check(_ bytes: ArraySlice<UInt8>, maximum: Int) throws(SASLExchange.Failure) {
        guard bytes.count <= maximum else { throw .tooLong }
        // RFC 4013 §2.3: control characters are prohibited; an empty name or password names nobody.
        guard !bytes.isEmpty, !bytes.contains(where: { $0 < 32 || $0 == 127 }) else { throw .malformed }
    }
}
