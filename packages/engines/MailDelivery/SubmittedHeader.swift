import ByteParsing
import MessageFormat

/// The form that the header of submitted mail must have (RFC 5322 §2.2), so that every reader finds the same fields in it.
enum SubmittedHeader {
    enum Fault: Error, Equatable {
        /// NUL, CR without LF or LF without CR.
        case strayControl
        /// A line that is neither a field nor the rest of one.
        case noField
        case tooManyFields
    }

    /// - Parameter start: where the header begins in `bytes`.
    static func check(_ bytes: [UInt8], from start: Int, limit: Int) throws(Fault) {
        var cursor = ByteCursor(bytes, range: start..<bytes.count)
        var count = 0
        while !cursor.isAtEnd {
            let line = cursor.take { $0 != ASCII.cr && $0 != ASCII.lf && $0 != 0 }
            let hasEnd = cursor.skip(ASCII.cr) && cursor.skip(ASCII.lf)
            guard hasEnd || cursor.isAtEnd && bytes.last != ASCII.cr else { throw .strayControl }
            guard let first = line.first else { return }
            if first.isASCIIWhitespace {
                guard count > 0 else { throw .noField }
                continue
            }
            // `field-name = 1*ftext`; obsolete white space may lie before the colon (RFC 5322 §4.5).
            let name = line.prefix { (33...126).contains($0) && $0 != ASCII.colon }
            let rest = line[name.endIndex...].drop { $0.isASCIIWhitespace }
            guard !name.isEmpty, rest.first == ASCII.colon else { throw .noField }
            count += 1
            guard count <= limit else { throw .tooManyFields }
        }
    }
}

extension SubmittedHeader.Fault {
    /// What the client reads.
    var refusal: DeliveryRefusal {
        switch self {
        case .strayControl: .malformed("The header has a NUL, or a CR or LF that ends no line")
        case .noField: .malformed("The header has a line that is no field")
        case .tooManyFields: .malformed("The header has too many fields")
        }
    }
}
