import DirectorySQL
import MailCrypto
import Testing

@Suite("Schemes of passwords in databases") struct PasswordSchemeTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var password: String
        var hash: String
        var testDescription: String { name }
    }

    /// Made by other programs: OpenBSD's bcrypt, glibc's and OpenSSL's SHA512-crypt, OpenLDAP's SSHA.
    static let rows = [
        Row(name: "bcrypt", password: "U*U", hash: "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        Row(
            name: "bcrypt, marked",
            password: "U*U",
            hash: "{BLF-CRYPT}$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
        ),
        Row(
            name: "SHA512-crypt",
            password: "Hello world!",
            hash: "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
        ),
        Row(
            name: "SHA512-crypt with rounds, marked",
            password: "Hello world!",
            hash:
                "{SHA512-CRYPT}$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v."
        ),
        Row(name: "salted SHA-1", password: "secret", hash: "{SSHA}\(ssha("secret", "salt"))"),
    ]

    static func ssha(_ password: String, _ salt: String) -> String {
        let bytes = SHA1.hash(Array(password.utf8) + Array(salt.utf8)) + Array(salt.utf8)
        return base64(bytes)
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var value = group.reduce(0) { $0 << 8 | UInt32($1) }
            value <<= UInt32(8 * (3 - group.count))
            for place in 0..<4 {
                text.append(place <= group.count ? alphabet[Int(value >> UInt32(18 - 6 * place) & 63)] : 61)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    @Test(arguments: rows) func `a right password is right and another is wrong`(_ row: Row) {
        #expect(PasswordScheme.verify(row.password, against: row.hash) == .right)
        for wrong in ["", "x", row.password + "x", String(row.password.dropLast())] {
            #expect(PasswordScheme.verify(wrong, against: row.hash) == .wrong, "\(wrong)")
        }
        #expect(PasswordScheme.verify(row.password + "\0x", against: row.hash) == .wrong)
    }

    @Test func `Argon2id is verified, marked or not`() throws {
        let hash = try PasswordHasher(memory: 8 << 10, passes: 1).hash(Array("word".utf8))
        for text in [hash, "{ARGON2ID}\(hash)"] {
            #expect(PasswordScheme.verify("word", against: text) == .right)
            #expect(PasswordScheme.verify("ward", against: text) == .wrong)
        }
    }

    @Test(arguments: [
        "{MD5}rL0Y20zC+Fzt72VPzMSk2A==", "{PLAIN}word", "word", "", "$1$salt$hash", "{CRYPT}ab1234567890A", "{SHA}abc",
        "{x", "{}",
        "{ARGON2ID}$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    ])
    func `a scheme that is not known is said, not taken for a wrong password`(_ hash: String) {
        guard case .unknown = PasswordScheme.verify("word", against: hash) else {
            Issue.record("\(hash) was compared")
            return
        }
    }

    @Test(arguments: [
        "$argon2id$v=19$m=99999999,t=1,p=1$c2FsdHNhbHQ$aGFzaA", "$argon2id$v=19$m=64,t=999999,p=1$c2FsdHNhbHQ$aGFzaA",
        "$argon2id$",
        "$6$rounds=999999999$salt$x", "$2y$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "{SSHA}!!!",
        "{SSHA}YWJj",
        "$2y$xx$CCCC", "$6$",
    ])
    func `costs without bounds are not paid, and what does not read is no hash`(_ hash: String) {
        guard case .unknown = PasswordScheme.verify("word", against: hash) else {
            Issue.record("\(hash) was compared")
            return
        }
    }
}

@Suite("Queries of directories") struct SQLQueryTests {
    @Test func `places become parameters, and the text is a question only`() throws {
        let query = try #require(SQLQuery("SELECT a AS address FROM t WHERE a = {address} AND d = {domain} -- end"))
        #expect(
            query.wrapped
                == "SELECT row_to_json(found)::text FROM (SELECT a AS address FROM t WHERE a = $1 AND d = $3 -- end\n) AS found"
        )
        #expect(
            SQLQuery("  with x as (select {after}) select {limit} from x")?.wrapped.utf8.contains(UInt8(ascii: "{"))
                == false
        )
    }

    @Test(arguments: [
        "", "DELETE FROM t", "SELECT {password}", "SELECT {address", "UPDATE t SET a = {address}", "SELECT \0 x",
    ])
    func `others are refused`(_ text: String) { #expect(SQLQuery(text) == nil) }
}
