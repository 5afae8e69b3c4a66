import Logging
import MailModel
import MailPorts
import MessageFormat
import Metrics
import SieveScript

/// What follows when the message is on stable storage; none of it changes that the message is taken.
extension ScriptedDelivery {
    func finish(_ copies: ScriptedCopies, of message: IncomingMessage) async {
        for after in copies.afterwards {
            do throws(StoreError) {
                try await finish(after, copies, message)
            } catch {
                logger.warning(
                    "what follows a script is not done",
                    metadata: ["queue_id": "\(message.queueID)", "cause": "\(error)"]
                )
            }
        }
    }

    private func finish(
        _ after: ScriptedCopies.Afterwards,
        _ copies: ScriptedCopies,
        _ message: IncomingMessage
    ) async throws(StoreError) {
        let account = after.copy.target.account
        try await runner.remember(after.duplicates, of: account, at: message.receivedAt)
        let plan = copies.plans[after.copy.plan]
        for vacation in after.vacations where account != message.submitter?.account.id {
            await responder.answer(
                VacationResponder.Scripted(local: after.copy.target, own: after.own, vacation: vacation),
                to: plan,
                copies.bytes[after.copy.plan]
            )
        }
        guard let failure = after.failure else { return }
        try await tell(failure, of: after.script, account, message.receivedAt)
    }

    /// Once a day for a script that stays as it is.
    private func tell(
        _ failure: ScriptFailure,
        of script: String,
        _ id: AccountID,
        _ now: Timestamp
    ) async throws(StoreError) {
        guard let account = try await directory.account(id) else { return }
        let plan = try await mailer.plan(
            to: [account],
            subject: "The script \(script) failed",
            text: """
                The script "\(script)", which your mail goes through, could not be followed for a message that came for you.
                The message is in your inbox.

                Line \(failure.line), column \(failure.column): \(failure.sentence)

                While the script stays as it is you are told of this once a day at most.
                """,
            now: now
        )
        if try await scripts.tellOfScriptFault(plan, script: script, of: id) {
            Counter(label: "oonrumail_sieve_notices_total").increment()
        }
    }
}
