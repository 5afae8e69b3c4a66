import ByteParsing
import MailModel

extension IMAPCommandParser {
    /// `SP identifier`: an astring, here UTF-8 without control characters.
    mutating func identifier() throws(IMAPParseError) -> String {
        try space()
        let octets = try astring()
        guard !octets.isEmpty, octets.count <= Limits.identifier, let text = String(validating: octets, as: UTF8.self),
            !text.utf8.contains(where: \.isASCIIControl)
        else { throw error("Expected an identifier") }
        return text
    }

    /// RFC 4314 §7: `SP identifier SP mod-rights`.
    ///
    /// ```
    /// mod-rights = astring     ; "+" or "-" and rights, or rights
    /// ```
    mutating func rightsChange() throws(IMAPParseError) -> RightsCommand {
        let identifier = try identifier()
        try space()
        var letters = try astring()[...]
        var mode = RightsCommand.Mode.replace
        switch letters.first {
        case ASCII.plus: mode = .add
        case ASCII.minus: mode = .remove
        default: ()
        }
        if mode != .replace { letters = letters.dropFirst() }
        // RFC 4314 §3.1: "an unrecognized right MUST cause the command to return the BAD response".
        guard let rights = MailboxRights(letters: letters) else { throw error("Unknown right") }
        return RightsCommand(identifier: identifier, mode: mode, rights: rights)
    }
}
