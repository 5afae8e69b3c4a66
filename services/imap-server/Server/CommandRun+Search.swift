import IMAPWire
import MailModel
import MailPorts
import MailboxEngine

extension CommandRun {
    /// SEARCH (RFC 9051 §6.4.4) with ESEARCH and SEARCHRES.
    func search(_ command: SearchCommand, isUID: Bool, tag: String) async throws(CommandFailure) -> Completion {
        mayExpunge = isUID
        let selected = try selected()
        let savesResult = command.returns?.contains(.save) == true
        try await permitted { () throws(AccessFailure) in _ = try await access.look(at: selected.place, to: .read) }
        let snapshot = try await known(selected)
        let found: [UInt32]
        do throws(SearchFailure) {
            let evaluator = try SearchEvaluator(
                view: selected.view,
                snapshot: snapshot,
                lease: selected.lease,
                saved: session.saved,
                charset: command.charset,
                now: services.clock.now(),
                gate: services.gate
            )
            found = try await evaluator.run(command.key)
        } catch {
            // RFC 5182 §2.1: a failed search with SAVE empties the result.
            if savesResult { session.saved = [] }
            switch error {
            case .unknownCharset: throw .no(code: "BADCHARSET (US-ASCII UTF-8)", "That charset is not known")
            case .store(let error): throw .store(error)
            }
        }
        if savesResult { session.saved = saved(found, command.returns ?? []) }
        let numbers = isUID ? found : found.compactMap { selected.view.number(of: $0).map(UInt32.init) }
        if let returns = command.returns ?? (session.isRev2 ? [.all] : nil) {
            writeExtended(numbers, returns, isUID: isUID, tag: tag)
        } else {
            out.bytes(Self.plain(numbers))
        }
        return .ok("SEARCH completed")
    }

    /// RFC 5182 §2.1: with MIN or MAX alone only those are saved.
    private func saved(_ found: [UInt32], _ returns: Set<SearchCommand.ReturnOption>) -> [ClosedRange<UInt32>] {
        var kept = found
        if !returns.contains(.all), !returns.contains(.count), returns.contains(.min) || returns.contains(.max) {
            kept = []
            if returns.contains(.min), let first = found.first { kept.append(first) }
            if returns.contains(.max), let last = found.last, kept.last != last { kept.append(last) }
        }
        return UIDRanges(ascending: kept.map { UID($0) }).ranges
    }

    /// RFC 9051 §7.3.4: `* ESEARCH (TAG "a") UID MIN 2 MAX 9 COUNT 3 ALL 2,4,9`.
    private func writeExtended(
        _ numbers: [UInt32],
        _ returns: Set<SearchCommand.ReturnOption>,
        isUID: Bool,
        tag: String
    ) {
        // RFC 5182 §2.1: SAVE alone returns nothing.
        if returns == [.save] { return }
        out.text("* ESEARCH (TAG ")
        out.string(Array(tag.utf8))
        out.text(isUID ? ") UID" : ")")
        if returns.contains(.min), let first = numbers.first {
            out.text(" MIN ")
            out.number(first)
        }
        if returns.contains(.max), let last = numbers.last {
            out.text(" MAX ")
            out.number(last)
        }
        if returns.contains(.count) {
            out.text(" COUNT ")
            out.number(numbers.count)
        }
        if returns.contains(.all), !numbers.isEmpty {
            out.text(" ALL ")
            out.set(numbers)
        }
        out.line()
    }

    private static func plain(_ numbers: [UInt32]) -> [UInt8] {
        var writer = FetchWriter()
        writer.text("* SEARCH")
        for number in numbers {
            writer.text(" ")
            writer.number(Int(number))
        }
        writer.text("\r\n")
        return writer.take()
    }
}
