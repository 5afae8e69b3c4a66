import IMAPWire
import MailModel
import MailPorts
import MailboxEngine
import MessageFormat
import NIOCore

/// An APPEND whose message has come.
struct PendingAppend: Sendable {
    var command: AppendCommand
    var bytes: ByteBuffer
    /// Room taken in the gate.
    var held: Int
}

extension CommandRun {
    /// APPENDs that came one behind the other: those of one mailbox are stored in one transaction, each is answered.
    func append(_ pending: [PendingAppend]) async -> CommandOutcome {
        var completions: [Completion] = []
        var next = 0
        while next < pending.count {
            let name = pending[next].command.mailbox
            let group = pending[next...].prefix { $0.command.mailbox == name }
            completions += await store(Array(group), in: name.text)
            next += group.count
        }
        let mayGoOn = await tell()
        for (item, completion) in zip(pending, completions) {
            services.count("APPEND", completion.word)
            switch completion {
            case .ok(let code, let text): out.status(item.command.tag, .ok, code: code, text)
            case .no(let code, let text): out.status(item.command.tag, .no, code: code, text)
            case .bad(let text): out.status(item.command.tag, .bad, text)
            }
        }
        return CommandOutcome(session: session, output: out.buffer, completion: completions.last, closes: !mayGoOn)
    }

    private func store(_ group: [PendingAppend], in name: String) async -> [Completion] {
        let place: MailboxPlace
        do throws(CommandFailure) {
            place = try await target(name, for: .append)
        } catch {
            return group.map { _ in Completion(error) }
        }
        let now = services.clock.now()
        let items = group.map { item in
            AppendItem(
                bytes: .memory(item.bytes),
                summary: MessageSummary(parsing: Array(item.bytes.readableBytesView)),
                flags: item.command.flags.flags,
                keywords: Keywords(item.command.flags.keywords),
                internalDate: item.command.internalDate ?? now
            )
        }
        if items.count > 1, let receipt = try? await access.append(items, to: place),
            receipt.uids.count == items.count
        {
            return receipt.uids.map { .ok(code: "APPENDUID \(receipt.uidValidity.rawValue) \($0)", "APPEND completed") }
        }
        // One alone, or one of them does not fit: each on its own.
        var completions: [Completion] = []
        for item in items {
            do throws(AccessFailure) {
                let receipt = try await access.append([item], to: place)
                let uid = receipt.uids.first.map { "\($0)" } ?? "0"
                completions.append(.ok(code: "APPENDUID \(receipt.uidValidity.rawValue) \(uid)", "APPEND completed"))
            } catch .store(.notFound) {
                completions.append(.no(code: "TRYCREATE", "There is no such mailbox"))
            } catch {
                completions.append(Completion(CommandFailure(error)))
            }
        }
        return completions
    }
}
