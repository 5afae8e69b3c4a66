import ByteParsing
import IMAPWire
import Logging
import MailModel
import MailPorts
import MailboxEngine
import MessageFormat
import NIOCore

extension CommandRun {
    /// Messages with stored parts or octets; returns how many were gone.
    func fetchContents(
        _ rows: [FetchedRow],
        _ plan: FetchPlan,
        _ selected: SelectedMailbox,
        _ snapshot: MailboxSnapshot,
        _ writer: inout FetchWriter
    ) async throws(CommandFailure) -> Int {
        var gone = 0
        var next = 0
        // Stored parts of few messages at once where octets are read between.
        let step = plan.needsOctets ? 100 : MailboxLease.batch
        while next < rows.count {
            let part = rows[next..<min(next + step, rows.count)]
            next += part.count
            var contents: [MessageContent] = []
            if !plan.fields.isEmpty || plan.needsThread {
                let ranges = UIDRanges(ascending: part.map { UID(snapshot.uids[$0.index]) })
                contents = try await attempt { () throws(StoreError) in
                    try await selected.lease.content(ranges, fields: plan.fields, limit: part.count)
                }
            }
            var place = 0
            for row in part {
                let uid = snapshot.uids[row.index]
                while place < contents.count, contents[place].uid.rawValue < uid { place += 1 }
                let content = place < contents.count && contents[place].uid.rawValue == uid ? contents[place] : nil
                guard content != nil || plan.fields.isEmpty && !plan.needsThread else {
                    gone += 1
                    continue
                }
                if try await !write(row, plan, content, selected, snapshot, &writer) { gone += 1 }
                if writer.isFull { try await flush(&writer) }
            }
        }
        return gone
    }

    /// One message; false when it is gone.
    private func write(
        _ row: FetchedRow,
        _ plan: FetchPlan,
        _ content: MessageContent?,
        _ selected: SelectedMailbox,
        _ snapshot: MailboxSnapshot,
        _ writer: inout FetchWriter
    ) async throws(CommandFailure) -> Bool {
        let start = writer.count
        var source = MessageSource(
            reader: selected.lease.reader,
            gate: services.gate,
            email: snapshot.email(at: row.index),
            size: snapshot.size(at: row.index)
        )
        defer { source.giveBack() }
        if plan.needsOctets {
            // Nothing of the line is sent before the message is known to be there.
            do throws(StoreError) {
                try await source.prepare(for: plan.items)
            } catch .notFound {
                return false
            } catch {
                throw .store(error)
            }
        }
        writer.begin(row.number)
        for item in plan.items {
            switch item {
            case .flags, .uid, .rfc822Size, .internalDate, .modSeq, .emailID, .saveDate:
                Self.write(item, row, snapshot, &writer)
            case .envelope:
                writer.item("ENVELOPE ")
                writer.append(content?.summary.envelope ?? [])
            case .bodyStructure:
                writer.item("BODYSTRUCTURE ")
                writer.append(content?.summary.bodyStructure ?? [])
            case .threadID:
                writer.item("THREADID (T")
                writer.number(Int(content?.thread.rawValue ?? 0))
                writer.text(")")
            case .preview:
                writer.item("PREVIEW ")
                Self.string(Array((content?.summary.preview ?? "").utf8), isUTF8: out.isUTF8, &writer)
            case .body:
                writer.item("BODY ")
                writer.append(source.imapBody())
            case .rfc822: try await send("RFC822 ", source.everything, nil, &source, &writer)
            case .rfc822Header: try await send("RFC822.HEADER ", source.headerSection, nil, &source, &writer)
            case .rfc822Text: try await send("RFC822.TEXT ", source.textSection, nil, &source, &writer)
            case .section(let section, let partial, _):
                writer.item("BODY[")
                writer.append(section.written)
                writer.text("]")
                try await send(nil, source.section(section), partial, &source, &writer)
            case .binary(let part, let partial, _):
                writer.item("BINARY[")
                Self.part(part, &writer)
                writer.text("]")
                guard let data = source.binary(part) else {
                    writer.truncate(to: start)
                    throw .no(code: "UNKNOWN-CTE", "The part has a transfer encoding that is not known")
                }
                try await send(nil, data, partial, isBinary: true, &source, &writer)
            case .binarySize(let part):
                guard let data = source.binary(part) else {
                    writer.truncate(to: start)
                    throw .no(code: "UNKNOWN-CTE", "The part has a transfer encoding that is not known")
                }
                writer.item("BINARY.SIZE[")
                Self.part(part, &writer)
                writer.text("] ")
                writer.number(data.count ?? 0)
            }
        }
        writer.end()
        return true
    }

    private static func part(_ numbers: [Int], _ writer: inout FetchWriter) {
        for (place, number) in numbers.enumerated() {
            if place > 0 { writer.text(".") }
            writer.number(number)
        }
    }

    private static func string(_ text: [UInt8], isUTF8: Bool, _ writer: inout FetchWriter) {
        var encoder = IMAPResponseEncoder()
        encoder.isUTF8 = isUTF8
        encoder.string(text)
        writer.append(encoder.buffer.readableBytesView)
    }

    /// A section as literal, a large one in pieces at the client's pace.
    private func send(
        _ name: StaticString?,
        _ data: SectionData,
        _ partial: Range<Int>?,
        isBinary: Bool = false,
        _ source: inout MessageSource,
        _ writer: inout FetchWriter
    ) async throws(CommandFailure) {
        if let name { writer.item(name) }
        if let partial {
            // RFC 9051 §7.5.2: the origin octet is told, the count is not.
            writer.text("<")
            writer.number(partial.lowerBound)
            writer.text(">")
        }
        if name == nil { writer.text(" ") }
        switch data {
        case .absent: writer.text("NIL")
        case .octets(let octets):
            let wanted = (partial ?? 0..<octets.count).clamped(to: 0..<octets.count)
            let piece = octets[(octets.startIndex + wanted.lowerBound)..<(octets.startIndex + wanted.upperBound)]
            writer.literalHead(piece.count, isBinary: isBinary && piece.contains(0))
            writer.append(piece)
            if writer.isFull { try await flush(&writer) }
        case .stored(let range):
            let wanted = (partial ?? 0..<range.count).clamped(to: 0..<range.count)
            writer.literalHead(wanted.count)
            var position = range.lowerBound + wanted.lowerBound
            let end = range.lowerBound + wanted.upperBound
            while position < end {
                let piece: [UInt8]
                do throws(StoreError) {
                    let step = min(256 << 10, end - position)
                    let buffer = try await source.reader.read(source.email, position..<(position + step))
                    // A literal begun cannot be taken back: the connection ends.
                    guard buffer.readableBytes == step else { throw StoreError.notFound }
                    piece = Array(buffer.readableBytesView)
                } catch {
                    logger.error("a message could not be read to its end", metadata: ["cause": "\(error)"])
                    throw .disconnected
                }
                writer.append(piece)
                position += piece.count
                if writer.isFull { try await flush(&writer) }
            }
        }
    }
}
