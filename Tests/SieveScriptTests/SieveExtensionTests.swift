import MailModel
import SieveScript
import Testing

@Suite struct SieveExtensionTests {
    @Test func `Captures are the shortest, modifiers work by precedence (RFC 5229 §3.2, §4.1)`() throws {
        let script = """
            require ["variables", "fileinto"];
            if header :matches "subject" "*r*" { set :upperfirst :lower "a" "${2}"; fileinto "${1}|${A}|${9}${none}|$${x"; }
            """
        #expect(try Running.actions(script) == [.fileInto(SieveFiling(mailbox: "G|üße from afar||$${x"))])
        let quote = "require [\"variables\", \"fileinto\"]; set :quotewildcard \"a\" \"*?\"; fileinto \"${a}\";"
        #expect(try Running.actions(quote) == [.fileInto(SieveFiling(mailbox: "\\*\\?"))])
    }

    @Test func `Flags are collected, and an action's own win (RFC 5232)`() throws {
        let script = """
            require ["imap4flags", "fileinto"];
            setflag "\\\\Seen"; addflag ["\\\\seen $Work", "\\\\Recent", "bad(flag"]; removeflag "$none";
            fileinto "A"; fileinto :flags "$Own" "B"; keep :flags "";
            """
        var own = SieveFiling(mailbox: "A", flags: ["\\Seen", "$Work"])
        var actions: [SieveAction] = [.fileInto(own)]
        own = SieveFiling(mailbox: "B", flags: ["$Own"])
        actions += [.fileInto(own), .keep(flags: [])]
        #expect(try Running.actions(script) == actions)
        #expect(try Running.actions("require \"imap4flags\"; setflag \"$A\";") == [.keep(flags: ["$A"])])
    }

    @Test func `Numbers compare as numbers, and counts count (RFC 5231)`() throws {
        let numeric = "\"relational\", \"comparator-i;ascii-numeric\""
        #expect(
            try Running.holds(numeric, "header :value \"gt\" :comparator \"i;ascii-numeric\" \"x-number\" \"0009\"")
        )
        #expect(try Running.holds(numeric, "header :value \"lt\" \"x-number\" \"9\""))
        #expect(try Running.holds(numeric, "header :count \"eq\" :comparator \"i;ascii-numeric\" \"x-twice\" \"2\""))
        #expect(try Running.holds(numeric, "address :count \"ge\" :comparator \"i;ascii-numeric\" \"to\" \"2\""))
    }

    @Test func `User and detail of an address (RFC 5233)`() throws {
        let require = "\"subaddress\", \"envelope\""
        #expect(try Running.holds(require, "address :user \"from\" \"sender\""))
        #expect(try Running.holds(require, "envelope :detail \"from\" \"list\""))
        #expect(try !Running.holds(require, "address :contains :detail \"to\" \"\""))
    }

    @Test(arguments: [
        "date \"date\" \"hour\" \"15\"", "date :originalzone \"date\" \"hour\" \"18\"",
        "date :zone \"-0930\" \"date\" \"time\" \"05:51:44\"", "date \"date\" \"weekday\" \"3\"",
        "date \"date\" \"julian\" \"55041\"", "date :originalzone \"date\" \"iso8601\" \"2009-07-29T18:21:44+03:00\"",
        "date :originalzone \"date\" \"std11\" \"Wed, 29 Jul 2009 18:21:44 +0300\"",
        "currentdate :value \"ge\" \"date\" \"2026-05-28\"", "currentdate \"zone\" \"+0000\"",
        "not date :contains \"x-number\" \"year\" \"\"",
    ]) func `Dates are told in the zone that is asked (RFC 5260)`(test: String) throws {
        #expect(try Running.holds("\"date\", \"relational\"", test))
    }

    @Test func `An index picks one field (RFC 5260 §6)`() throws {
        #expect(try Running.holds("\"index\"", "header :index 1 \"x-twice\" \"first\""))
        #expect(try Running.holds("\"index\"", "header :index 1 :last \"x-twice\" \"second\""))
        #expect(try !Running.holds("\"index\"", "header :contains :index 3 \"x-twice\" \"\""))
    }

    @Test func `Edits are seen by later tests and told in order (RFC 5293)`() throws {
        let script = """
            require "editheader";
            addheader "X-Twice" "zeroth"; deleteheader :index 1 :last "x-twice"; deleteheader "Received";
            if header "x-twice" "second" { discard; }
            if not header "x-twice" "zeroth" { discard; }
            """
        let edits: [SieveHeaderEdit] = [
            .add(name: "X-Twice", value: "zeroth", isLast: false), .delete(name: "x-twice", occurrence: 3),
        ]
        #expect(try Running.actions(script) == edits.map { .edit($0) } + [.keep(flags: nil)])
        let injected = "require [\"editheader\", \"encoded-character\"]; addheader \"X\" \"a${hex:0d 0a}Bcc: b\";"
        #expect(
            try Running.actions(injected).first == .edit(.add(name: "X", value: "a  Bcc: b", isLast: false))
        )
    }

    @Test func `A refusal excludes delivery, a vacation stands once (RFC 5429, RFC 5230)`() throws {
        #expect(try Running.actions("require \"ereject\"; ereject \"no\";") == [.reject(text: "no", isExtended: true)])
        for other in ["keep;", "redirect \"a@b.test\";", "vacation \"x\";"] {
            let script = "require [\"reject\", \"vacation\"];"
            #expect(try Running.runFault("\(script) reject \"no\"; \(other)")?.reason == .conflict)
            #expect(try Running.runFault("\(script) \(other) reject \"no\";")?.reason == .conflict)
        }
        #expect(try Running.runFault("require \"vacation\"; vacation \"x\"; vacation \"y\";")?.reason == .conflict)
    }

    @Test func `A vacation is told with all that it says (RFC 5230, RFC 6131)`() throws {
        let script = """
            require "vacation-seconds";
            vacation :seconds 1800 :subject "Away" :from "me@example.test" :addresses ["a@b.test"] :handle "h" :mime "x";
            """
        var vacation = SieveVacation(reason: "x")
        (vacation.subject, vacation.from, vacation.addresses) = ("Away", "me@example.test", ["a@b.test"])
        (vacation.isMIME, vacation.handle, vacation.seconds) = (true, "h", 1_800)
        #expect(try Running.actions(script) == [.vacation(vacation), .keep(flags: nil)])
    }

    @Test func `Mailboxes, special uses and the environment are asked of the facts`() throws {
        var facts = Running.facts()
        facts.mailboxExists = { $0 == "A" }
        facts.specialUse = { use, mailbox in use == "\\Junk" && (mailbox == nil || mailbox == "Spam") }
        facts.environment = ["location": "MDA"]
        let require = "\"mailbox\", \"special-use\", \"environment\""
        #expect(try Running.holds(require, "mailboxexists \"A\"", facts: facts))
        #expect(try !Running.holds(require, "mailboxexists [\"A\", \"B\"]", facts: facts))
        #expect(try Running.holds(require, "specialuse_exists \"\\\\Junk\"", facts: facts))
        #expect(try !Running.holds(require, "specialuse_exists \"A\" \"\\\\Junk\"", facts: facts))
        #expect(try Running.holds(require, "environment \"Location\" \"mda\"", facts: facts))
        #expect(try !Running.holds(require, "environment :contains \"phase\" \"\"", facts: facts))
        var filing = SieveFiling(mailbox: "B")
        (filing.isCreated, filing.specialUse) = (true, "\\Junk")
        let script =
            "require [\"fileinto\", \"mailbox\", \"special-use\"]; "
            + "fileinto :create :specialuse \"\\\\Junk\" \"B\";"
        #expect(try Running.actions(script) == [.fileInto(filing)])
    }

    @Test func `What ihave does not find is not looked at, error ends the run (RFC 5463)`() throws {
        #expect(
            try Running.actions("require \"ihave\"; if ihave \"frob\" { frob :x \"y\"; } else { discard; }") == [
                .discard
            ]
        )
        #expect(
            try Running.actions("require \"ihave\"; if ihave \"fileinto\" { fileinto \"A\"; }") == [
                .fileInto(SieveFiling(mailbox: "A"))
            ]
        )
        #expect(
            try Running.actions("require \"ihave\"; if allof (ihave \"frob\", frob \"x\") { keep; } discard;") == [
                .discard
            ]
        )
        let ended = "require \"ihave\"; if not ihave \"frob\" { error \"no frob\"; } frob \"x\";"
        #expect(try Running.runFault(ended)?.sentence == "no frob")
        #expect(Running.fault("require \"ihave\"; if true { frob; }") != nil)
    }

    @Test func `A duplicate is told by its handle and id (RFC 7352)`() throws {
        var facts = Running.facts()
        let seen = SieveDuplicate(handle: "h", id: "42", seconds: 60, isRenewed: false)
        facts.isDuplicate = { $0 == seen }
        let script = "require \"duplicate\"; if duplicate :handle \"h\" :header \"x-number\" :seconds 60 { discard; }"
        #expect(try Running.actions(script, facts: facts) == [.discard])
        #expect(try Running.outcome(script, facts: facts).duplicates.isEmpty)
        #expect(try Running.outcome(script).duplicates == [seen])
        let none = "require \"duplicate\"; if duplicate :header \"x-none\" { discard; }"
        #expect(try Running.outcome(none, facts: facts).duplicates.isEmpty)
    }

    @Test func `Bodies are asked raw, by type, and as text (RFC 5173)`() throws {
        let message = """
            Content-Type: multipart/mixed; boundary=b

            before
            --b
            Content-Type: text/html; charset=iso-8859-1
            Content-Transfer-Encoding: quoted-printable

            <style>p{}</style><b>Gr=FC=DFe</b> &amp;<!-- not --> &#65;
            --b
            Content-Type: application/octet-stream
            Content-Transfer-Encoding: base64

            aGlkZGVu
            --b--
            after
            """
        func holds(_ test: String) throws -> Bool { try Running.holds("\"body\"", test, message: message) }
        #expect(try holds("body :contains \"Grüße & A\""))
        #expect(try !holds("body :contains [\"<b>\", \"hidden\", \"not\", \"p{}\"]"))
        #expect(try holds("body :raw :contains \"=FC=DFe\""))
        #expect(try holds("body :content \"application\" :is \"hidden\""))
        #expect(try holds("body :content \"text/html\" :contains \"<b>Grüße\""))
        #expect(try holds("body :content \"multipart\" :matches \"before*after*\""))
        #expect(try !holds("body :content [\"text/\", \"/html\", \"text/html/x\"] :contains \"\""))
        #expect(try holds("body :content \"\" :contains \"hidden\""))
    }

    @Test func `Loops go over parts, and a name tells which is left (RFC 5703 §3)`() throws {
        let message =
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; name*=utf-8''%C3%BC\n\n1\n--b\n"
            + "Content-Type: text/csv\n\n2\n--b--\n"
        let script = """
            require ["foreverypart", "mime", "variables", "extracttext", "fileinto"];
            foreverypart :name "outer" {
                foreverypart {
                    extracttext "t"; set "all" "${all}${t}";
                    if header :mime :subtype "content-type" "csv" { break :name "outer"; }
                }
                set "all" "none";
            }
            if header :mime :anychild :param "name" :matches "content-type" "*" { set "n" "${1}"; }
            fileinto "${all}${n}";
            """
        #expect(try Running.actions(script, message: message) == [.fileInto(SieveFiling(mailbox: "12ü"))])
    }

    @Test func `Every extension that require takes can be required alone or with what it needs`() {
        for name in SieveScript.extensions where name != "extracttext" {
            #expect(Running.fault("require \"\(name)\";") == nil)
        }
        #expect(SieveScript.extensions.sorted() == SieveScript.extensions)
    }
}
