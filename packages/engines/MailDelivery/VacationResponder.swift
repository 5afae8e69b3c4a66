package import Logging
import MailModel
package import MailPorts
import MessageFormat
import Metrics
import SieveScript

/// Answers people who write to somebody who is away.
///
/// Invariants: a message is answered after it is on stable storage, and is taken whatever becomes of its answers; an answer goes to
/// the envelope sender from nobody, so that it comes back to none; a sender has one from an account in its interval.
package struct VacationResponder: Sendable {
    /// Accounts that one message has answered; mail to more is no mail to a person.
    static let maximumAnswered = 100

    private let vacations: any VacationStore
    private let directory: any DirectoryStore
    private let mailer: PlatformMailer
    private let repliesPerDay: Int
    private let logger: Logger

    /// - Parameter repliesPerDay: answers of one account in 24 hours.
    package init(
        vacations: any VacationStore,
        directory: any DirectoryStore,
        mailer: PlatformMailer,
        repliesPerDay: Int,
        logger: Logger = Logger(label: "vacation")
    ) {
        self.vacations = vacations
        self.directory = directory
        self.mailer = mailer
        self.repliesPerDay = repliesPerDay
        self.logger = logger
    }

    /// - Parameters:
    ///   - bytes: as they are stored.
    ///   - declined: accounts for which nothing is answered.
    func answer(
        _ message: IncomingMessage,
        _ bytes: [UInt8],
        _ summary: MessageSummary,
        except declined: Set<AccountID> = []
    ) async {
        // The rows of the addresses told who is away: most mail is to nobody of them, and asks no further.
        guard message.recipients.contains(where: { $0.expansion.local.contains { $0.isAway } }) else { return }
        guard case .address(let sender) = message.sender, PersonalMail.isPerson(sender) else { return }
        let header = HeaderBlock(bytes)
        guard PersonalMail.isByPerson(header) else { return }
        let written = Self.written(message, PersonalMail.recipients(header)).filter { !declined.contains($0.key) }
        guard !written.isEmpty, written.count <= Self.maximumAnswered else { return }
        do throws(StoreError) {
            let accounts = written.keys.sorted { $0.rawValue < $1.rawValue }
            let due = try await vacations.vacationsDue(among: accounts, to: sender, at: message.receivedAt)
            for one in due {
                guard let author = written[one.account.id] else { continue }
                if !author.isOwn {
                    let own = try await directory.sendingAddresses(of: one.account.id)
                    guard own.contains(author.address) else { continue }
                }
                try await answer(one, as: author.address, to: sender, message, summary)
            }
        } catch {
            Counter(label: "oonrumail_vacation_failures_total").increment()
            logger.warning(
                "no answer of who is away",
                metadata: ["queue_id": "\(message.queueID)", "cause": "\(error)"]
            )
        }
    }

    /// What a script wants answered.
    struct Scripted: Sendable {
        /// Where the message came to.
        var local: RecipientExpansion.Local
        /// Addresses that the account may use.
        var own: [EmailAddress]
        var vacation: SieveVacation
    }

    /// Seconds between two answers where a script does not say (RFC 5230 §4.1), and the most that are kept in mind.
    private static let usualSeconds: Int64 = 7 * 86_400
    private static let longestSeconds = Int64(Vacation.intervals.upperBound) * 86_400

    /// By the same rules as `answer(_:_:_:except:)`, with the script's words (RFC 5230 §4.5).
    func answer(_ scripted: Scripted, to plan: DeliveryPlan, _ bytes: [UInt8]) async {
        guard case .address(let sender) = plan.sender, PersonalMail.isPerson(sender), !scripted.local.isMasked else {
            return
        }
        let header = HeaderBlock(bytes)
        guard PersonalMail.isByPerson(header) else { return }
        let vacation = scripted.vacation
        let own = [scripted.local.address] + scripted.own
        let mine = Set(own.map(\.canonical) + vacation.addresses.compactMap { EmailAddress($0)?.canonical })
        guard !mine.contains(sender.canonical), !PersonalMail.recipients(header).isDisjoint(with: mine) else { return }
        let asked = vacation.from.flatMap { Self.address($0) }
        let author = own.first { $0.canonical == asked?.canonical } ?? scripted.local.address
        do throws(StoreError) {
            guard let account = try await directory.account(scripted.local.account) else { return }
            var reply = VacationReply(
                author: author,
                name: account.displayName,
                recipient: sender,
                subject: vacation.subject,
                text: vacation.reason,
                original: plan.summary
            )
            reply.isMIME = vacation.isMIME
            guard let answer = try await mailer.plan(reply, from: account.id, now: plan.receivedAt) else { return }
            // RFC 5230 §4.2: without a handle, what is said tells answers apart.
            let words = [vacation.subject ?? "", vacation.from ?? "", vacation.isMIME ? "mime" : "", vacation.reason]
            let source = VacationAnswer.Source.script(
                handle: vacation.handle.map { "h\($0)" } ?? "w" + words.joined(separator: "\u{0}"),
                seconds: min(max(0, vacation.seconds ?? Self.usualSeconds), Self.longestSeconds)
            )
            let given = VacationAnswer(account: account.id, sender: sender, source: source, plan: answer)
            guard try await vacations.answer(given, atMost: repliesPerDay) else { return }
            Counter(label: "oonrumail_vacation_answers_total").increment()
            logger.info(
                "answered for who is away",
                metadata: ["queue_id": "\(plan.queueID)", "account": "\(account.id)", "answer": "\(answer.queueID)"]
            )
        } catch {
            Counter(label: "oonrumail_vacation_failures_total").increment()
            logger.warning(
                "no answer of who is away",
                metadata: ["queue_id": "\(plan.queueID)", "cause": "\(error)"]
            )
        }
    }

    /// `Ann <ann@shop.test>`, or the address alone.
    private static func address(_ text: String) -> EmailAddress? {
        guard let found = AddressList.parse(Array(text.utf8)).first, let mailbox = found.mailbox, let host = found.host
        else { return nil }
        return EmailAddress(
            uncheckedLocalPart: String(decoding: mailbox, as: UTF8.self),
            domain: String(decoding: host, as: UTF8.self)
        )
    }

    private func answer(
        _ due: DueVacation,
        as author: EmailAddress,
        to sender: EmailAddress,
        _ message: IncomingMessage,
        _ summary: MessageSummary
    ) async throws(StoreError) {
        let reply = VacationReply(
            author: author,
            name: due.account.displayName,
            recipient: sender,
            subject: due.vacation.subject,
            text: due.vacation.text,
            original: summary
        )
        guard let plan = try await mailer.plan(reply, from: due.account.id, now: message.receivedAt) else { return }
        let answer = VacationAnswer(account: due.account.id, sender: sender, plan: plan)
        guard try await vacations.answer(answer, atMost: repliesPerDay) else { return }
        Counter(label: "oonrumail_vacation_answers_total").increment()
        logger.info(
            "answered for who is away",
            metadata: ["queue_id": "\(message.queueID)", "account": "\(due.account.id)", "answer": "\(plan.queueID)"]
        )
    }

    private struct Author {
        var address: EmailAddress
        /// It leads to the account by itself; false: by way of an alias, or of a domain's catch-all.
        var isOwn: Bool
    }

    /// Accounts that the message was written to, with the address that names them.
    ///
    /// An alias with several targets is nobody's own address; who gives out a masked address does not want to be told by it.
    private static func written(_ message: IncomingMessage, _ named: Set<String>) -> [AccountID: Author] {
        var written: [AccountID: Author] = [:]
        for recipient in message.recipients {
            let expansion = recipient.expansion
            let isSole = expansion.local.count == 1 && expansion.remote.isEmpty && expansion.lists.isEmpty
            for local in expansion.local where !local.isMasked && local.account != message.submitter?.account.id {
                if named.contains(local.address.canonical) {
                    written[local.account] = Author(address: local.address, isOwn: true)
                } else if isSole, named.contains(recipient.address.canonical), written[local.account] == nil {
                    written[local.account] = Author(address: recipient.address, isOwn: false)
                }
            }
        }
        return written
    }
}
