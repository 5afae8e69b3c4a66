import MailCrypto
package import MailModel

/// Signature Version 4 of a request, in its headers.
package struct S3Signature: Sendable {
    package let accessKeyID: String
    package let secretAccessKey: String
    package let region: String

    package init(accessKeyID: String, secretAccessKey: String, region: String) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.region = region
    }

    package struct Field: Hashable, Sendable {
        package let name: String
        package let value: String
        package init(_ name: String, _ value: String) { (self.name, self.value) = (name, value) }
    }

    /// The value of `Authorization`.
    ///
    /// - Parameters:
    ///   - path: of the resource, not encoded.
    ///   - fields: every header that is signed, names in lower case, `host` and `x-amz-date` among them.
    ///   - digest: of the body, as it stands in `x-amz-content-sha256`.
    package func authorization(
        _ method: String,
        path: String,
        query: [Field],
        fields: [Field],
        digest: String,
        now: Timestamp
    ) -> String {
        let fields = fields.sorted { Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8)) }
        let names = fields.map(\.name).joined(separator: ";")
        let request = [
            method, Self.encoded(path, keepsSlashes: true), Self.queryText(query),
            fields.map { "\($0.name):\($0.value)\n" }.joined(), names, digest,
        ].joined(separator: "\n")
        let moment = Self.moment(now)
        let scope = "\(moment.prefix(8))/\(region)/s3/aws4_request"
        let text = "AWS4-HMAC-SHA256\n\(moment)\n\(scope)\n\(Self.digest(Array(request.utf8)))"
        var key = Array("AWS4\(secretAccessKey)".utf8)
        for part in [String(moment.prefix(8)), region, "s3", "aws4_request", text] {
            key = HMACSHA256.authenticate(Array(part.utf8), key: key)
        }
        return "AWS4-HMAC-SHA256 Credential=\(accessKeyID)/\(scope),SignedHeaders=\(names),Signature=\(Self.hex(key))"
    }

    package static func queryText(_ query: [Field]) -> String {
        query.map { "\(encoded($0.name))=\(encoded($0.value))" }
            .sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }.joined(separator: "&")
    }

    /// RFC 3986 §2.3: all but the unreserved characters as `%XX`.
    package static func encoded(_ text: String, keepsSlashes: Bool = false) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            case UInt8(ascii: "/") where keepsSlashes: bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `20130524T000000Z`.
    package static func moment(_ time: Timestamp) -> String {
        let (days, second) = (Int(time.seconds / 86_400), Int(time.seconds % 86_400))
        // Days since 0000-03-01, in eras of 400 years.
        let shifted = days + 719_468
        let (era, day) = (shifted / 146_097, shifted % 146_097)
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365
        let dayOfYear = day - (365 * year + year / 4 - year / 100)
        let month = (5 * dayOfYear + 2) / 153
        let number = month < 10 ? month + 3 : month - 9
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(year + era * 400 + (number <= 2 ? 1 : 0))\(two(number))\(two(dayOfYear - (153 * month + 2) / 5 + 1))"
            + "T\(two(second / 3_600))\(two(second / 60 % 60))\(two(second % 60))Z"
    }

    package static func digest(_ bytes: [UInt8]) -> String { hex(SHA256.hash(bytes)) }

    static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
