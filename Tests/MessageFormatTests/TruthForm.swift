import Foundation
import MailModel
import MessageFormat

/// Our answers in the form of `truth.jsonl`.
enum TruthForm {
    static func envelope(_ bytes: [UInt8]) -> IMAPValue? {
        guard case .list(var fields) = IMAPValue(imap: bytes), fields.count == 10 else { return nil }
        if case .text(let date) = fields[0] {
            fields[0] = RFC5322Date.parse(Array(date.utf8)).map { .text(isoDate($0)) } ?? .null
        }
        return .list(fields)
    }

    static func bodyStructure(_ bytes: [UInt8]) -> IMAPValue? {
        IMAPValue(imap: bytes).map { body(lowercased($0)) }
    }

    private static func isoDate(_ time: Timestamp) -> String {
        let style = Date.ISO8601FormatStyle(timeZone: .gmt).year().month().day().time(includingFractionalSeconds: false)
        return Date(timeIntervalSince1970: TimeInterval(time.seconds)).formatted(style)
    }

    private static func lowercased(_ value: IMAPValue) -> IMAPValue {
        switch value {
        case .text(let text): .text(text.lowercased())
        case .list(let items): .list(items.map(lowercased))
        case .null, .number: value
        }
    }

    /// Sorted pairs without the default charset.
    private static func parameters(_ value: IMAPValue) -> IMAPValue {
        let items = value.items
        var pairs = stride(from: 0, to: items.count - 1, by: 2).map { [items[$0], items[$0 + 1]] }
        pairs.removeAll { $0 == [.text("charset"), .text("us-ascii")] }
        pairs.sort {
            $0[0].description == $1[0].description
                ? $0[1].description < $1[1].description : $0[0].description < $1[0].description
        }
        return pairs.isEmpty ? .null : .list(pairs.map { .list($0) })
    }

    private static func body(_ value: IMAPValue) -> IMAPValue {
        let items = value.items
        guard items.first?.isList != true else {
            let count = items.prefix { $0.isList }.count
            var disposition = items.count > count + 2 ? items[count + 2] : .null
            if disposition.isList { disposition = .list([disposition.items[0], parameters(disposition.items[1])]) }
            return .list([.list(items[..<count].map(body)), items[count], parameters(items[count + 1]), disposition])
        }
        var part = Array(items.prefix(7))
        part[2] = parameters(part[2])
        if part[0] == .text("text") {
            part.append(items[7])
        } else if items.count > 9, items[0] == .text("message"), items[7].isList {
            part += [items[7], embedded(items[8]), items[9]]
        }
        return .list(part)
    }

    /// The truth has a multipart in a message half as IMAP prints it: only its first part and parameters are in this form.
    private static func embedded(_ value: IMAPValue) -> IMAPValue {
        let items = value.items
        guard items.first?.isList == true else { return body(value) }
        func form(_ value: IMAPValue) -> IMAPValue { value.isList ? parameters(value) : value }
        return .list([embedded(items[0]), items[1], form(items[2]), form(items[3])])
    }
}
