import ByteParsing
import MailModel
import MessageFormat

/// Removes what mail from outside says in our own name.
enum ForgedResults {
    /// RFC 8601 §5: a border server "MUST delete any existing header field that claims to have been added within its
    /// trust boundary".
    ///
    /// nil when there is none.
    static func removed(from message: [UInt8], hostname: String) -> [UInt8]? {
        let header = HeaderBlock(message)
        var output: [UInt8]?
        var start = 0
        for field in header.fields.fields
        where message[field.name].equalsIgnoringASCIICase("authentication-results")
            && claims(hostname, message[field.value])
        {
            output = (output ?? []) + message[start..<field.line.lowerBound]
            start = field.line.upperBound
        }
        return output.map { $0 + message[start...] }
    }

    // `authres-payload = [CFWS] authserv-id ...`: any place of the name before the first semicolon counts.
    private static func claims(_ hostname: String, _ value: ArraySlice<UInt8>) -> Bool {
        let words = value.prefix { $0 != ASCII.semicolon }.split {
            $0 <= 32 || $0 == ASCII.quote || $0 == ASCII.leftParen || $0 == ASCII.rightParen
        }
        return words.contains { $0.equalsIgnoringASCIICase(Array(hostname.utf8)) }
    }
}
