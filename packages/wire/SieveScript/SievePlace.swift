import ByteParsing

/// Where in a script something stands; lines and columns count from 1, columns in octets.
struct SievePlace: Hashable, Sendable {
    var line: Int
    var column: Int

    func fault(_ sentence: String) -> SieveFault { SieveFault(line: line, column: column, sentence: sentence) }

    func runFault(_ reason: SieveRunFault.Reason, _ sentence: String) -> SieveRunFault {
        SieveRunFault(reason, line: line, column: column, sentence: sentence)
    }
}

/// Octets of a script as a short piece of a sentence: printable, cut, in quotes.
func quoted(_ bytes: some Collection<UInt8>) -> String {
    let shown = bytes.prefix(60).map { $0.isASCIIControl ? UInt8(ascii: "?") : $0 }
    return "\"" + String(decoding: shown, as: UTF8.self) + (bytes.count > 60 ? "…\"" : "\"")
}
