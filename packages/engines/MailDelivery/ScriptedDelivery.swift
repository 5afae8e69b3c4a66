package import Logging
import MailModel
package import MailPorts
import Metrics
import SieveScript

/// Puts copies of accepted messages through the scripts of those whose they are.
///
/// Invariants: what a script does is written with the message, or not at all; a copy that no script discards explicitly, refuses or
/// sends on lies in a mailbox, whatever fails; a message goes through each account's script once.
package struct ScriptedDelivery: Sendable {
    /// Accounts that scripts send one message on through.
    static let longestChain = 10
    /// Messages that one message becomes.
    static let maximumPlans = 100

    let runner: ScriptRunner
    let scripts: any ScriptStore
    let mailboxes: any MailboxStore
    let directory: any DirectoryStore
    let resolver: RecipientResolver
    let mailer: PlatformMailer
    let responder: VacationResponder
    let signer: any MessageSigning
    let hostname: String
    let logger: Logger

    package init(
        runner: ScriptRunner,
        scripts: any ScriptStore,
        mailboxes: any MailboxStore,
        directory: any DirectoryStore,
        resolver: RecipientResolver,
        mailer: PlatformMailer,
        responder: VacationResponder,
        signer: any MessageSigning,
        hostname: String,
        logger: Logger = Logger(label: "sieve")
    ) {
        self.runner = runner
        self.scripts = scripts
        self.mailboxes = mailboxes
        self.directory = directory
        self.resolver = resolver
        self.mailer = mailer
        self.responder = responder
        self.signer = signer
        self.hostname = hostname
        self.logger = logger
    }

    /// - Throws: `.refusedByScript` where the only recipient does not take the message.
    func handle(_ copies: inout ScriptedCopies, of message: IncomingMessage) async throws(DeliveryRefusal) {
        var next = 0
        while next < copies.waiting.count {
            let copy = copies.waiting[next]
            next += 1
            let refusal: String?
            do throws(StoreError) {
                refusal = try await handle(copy, &copies, message)
            } catch {
                throw DeliveryRefusal(error)
            }
            if let refusal { throw .refusedByScript(refusal) }
        }
    }

    /// What the client of the session is refused with; nil when all is planned.
    private func handle(
        _ copy: ScriptedCopies.Copy,
        _ copies: inout ScriptedCopies,
        _ message: IncomingMessage
    ) async throws(StoreError) -> String? {
        let account = copy.target.account
        guard let version = copy.target.script,
            let ready = try await runner.active(of: account, version: version)
        else {
            put(copy, ScriptDecision.inbox, "", &copies, message)
            return nil
        }
        let own = try await directory.sendingAddresses(of: account)
        let known = ScriptMailboxes(try await mailboxes.mailboxes(of: account))
        var facts = facts(of: copy, copies.plans[copy.plan].sender, message)
        facts.addresses = own.map(\.description)
        known.tell(&facts)
        let octets = copies.bytes[copy.plan]
        var after = ScriptedCopies.Afterwards(copy: copy, script: ready.name, own: own)
        var decision = ScriptDecision.inbox
        let script = "the script \(ready.name)"
        var note = "by \(script)"
        switch try await runner.run(ready, on: ScriptMessage(octets), facts, of: account, isDelivery: true) {
        case .failure(let failure):
            Counter(label: "oonrumail_sieve_failures_total").increment()
            logger.info(
                "a script failed",
                metadata: ["queue_id": "\(message.queueID)", "account": "\(account)", "line": "\(failure.line)"]
            )
            after.failure = failure
            note = "\(script) failed at line \(failure.line)"
        case .success(let outcome):
            decision = try await ScriptDecision(outcome) { filing async throws(StoreError) in
                try await known.place(of: filing, of: account, in: mailboxes)
            }
            after.duplicates = outcome.duplicates
            after.vacations = decision.vacations
        }
        Counter(label: "oonrumail_sieve_runs_total").increment()
        if let refusal = decision.refusal {
            if let text = Self.sessionText(refusal, copy, message) { return text }
            try await bounce(refusal.text, &decision, copy, note, &copies, message)
        }
        try await redirect(&decision, copy, own, script, &copies, message)
        put(copy, decision, note, by: script, &copies, message)
        copies.afterwards.append(after)
        return nil
    }

    private func facts(
        of copy: ScriptedCopies.Copy,
        _ sender: ReversePath,
        _ message: IncomingMessage
    ) -> SieveFacts {
        var facts = SieveFacts(now: message.receivedAt)
        facts.envelopeFrom = sender.description
        facts.envelopeTo = copy.target.address.description
        facts.envelopeAuth = message.submitter?.account.primaryAddress.description
        // RFC 5183 §4.1.
        facts.environment = [
            "domain": copy.target.address.domain, "host": hostname, "location": "MDA", "name": "oonrumail",
            "phase": "during", "remote-ip": message.facts.remote.description,
        ]
        return facts
    }

    // MARK: - Filing

    func put(
        _ copy: ScriptedCopies.Copy,
        _ decision: ScriptDecision,
        _ note: String,
        by script: String = "",
        _ copies: inout ScriptedCopies,
        _ message: IncomingMessage
    ) {
        let isHandled = !decision.redirects.isEmpty || decision.refusal != nil || decision.isDiscarded
        let places = decision.places.isEmpty && !isHandled ? ScriptDecision.inbox.places : decision.places
        for place in places {
            var local = MessageIntake.copy(for: copy.target, sender: copies.plans[copy.plan].sender)
            local.mailbox = place.mailbox
            (local.flags, local.keywords) = (place.marks.flags, place.marks.keywords)
            let plan =
                place.edits.isEmpty
                ? copy.plan
                : copies.add(
                    HeaderEditor.edit(copies.bytes[copy.plan], place.edits),
                    like: copy.plan,
                    from: copies.plans[copy.plan].sender
                )
            copies.plans[plan].localCopies.append(local)
            var detail = place.mailbox == .inbox ? note : "filed into \(place.name) \(note)"
            if place.mailbox == .inbox, decision.isMisfiled { detail += ", whose mailbox is not there" }
            copies.note(.delivered, copy, Self.joined(copy.way, detail), message.facts.remote)
        }
        if places.isEmpty, decision.isDiscarded, decision.redirects.isEmpty, decision.refusal == nil {
            Counter(label: "oonrumail_sieve_discards_total").increment()
            copies.declined.insert(copy.target.account)
            copies.note(.accepted, copy, Self.joined(copy.way, "\(script) discarded it"), message.facts.remote)
        }
    }

    private static func joined(_ way: String, _ detail: String) -> String {
        way.utf8.isEmpty || detail.utf8.isEmpty ? way + detail : "\(way), \(detail)"
    }
}

extension ScriptDecision {
    /// Without a script.
    static let inbox: ScriptDecision = {
        var decision = ScriptDecision()
        decision.keep()
        return decision
    }()
}
