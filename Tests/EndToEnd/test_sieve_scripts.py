"""Sieve scripts of people: kept, activated, applied when mail comes, and run over mail that is there."""
import email
import email.policy
import json
import smtplib
import urllib.parse

import pytest

from platform_process import wait_until
from test_people import Company
from test_recovery import mails

SCRIPTS, SIEVE = "/api/users/me/sieve-scripts", "/api/users/me/sieve"
FRIEND = "friend@elsewhere.test"


@pytest.fixture(scope="module")
def company(platform):
    made = Company(platform, "sieve.test")
    for name in ("ann", "bob", "cy"):
        platform.add_account(f"{name}@sieve.test")
        made.tokens[name] = made.login(f"{name}@sieve.test")
    return made


def script(company, text, role="ann", name="main", active=True):
    path = f"{SCRIPTS}/{urllib.parse.quote(name)}"
    status, body = company.ask(role, "PUT", path, {"text": text})
    assert status in (200, 201), body
    if active:
        assert company.ask(role, "POST", path + "/activate", {})[0] == 200
    return body


def off(company, *roles):
    for role in roles:
        assert company.ask(role, "POST", f"{SIEVE}/deactivate", {})[0] in (204, 404)


def write(platform, subject, to="ann@sieve.test", sender=FRIEND, header="", body="body", recipients=None, user=None):
    named = to if isinstance(to, str) else ", ".join(to)
    text = f"From: {sender or FRIEND}\r\nTo: {named}\r\nSubject: {subject}\r\nMessage-ID: <{abs(hash(subject))}@test>\r\n{header}\r\n{body}\r\n"
    with platform.submission(user) if user else platform.smtp() as client:
        client.sendmail(sender, recipients or ([to] if isinstance(to, str) else to), text)


def subjects(platform, user="ann@sieve.test", mailbox="INBOX"):
    return [email.message_from_bytes(raw, policy=email.policy.default)["Subject"] for raw in platform.messages(user, mailbox)]


def trace(platform, key):
    return json.loads(platform.cli("trace", key, "--json", check=False).stdout or "[]")


def flags(platform, subject, mailbox, user="ann@sieve.test"):
    client = platform.imap(user)
    assert client.select(f'"{mailbox}"', readonly=True)[0] == "OK"
    found = client.search(None, "SUBJECT", f'"{subject}"')[1][0].split()
    assert len(found) == 1, found
    row = client.fetch(found[0], "(FLAGS)")[1][0]
    client.logout()
    return set(row.decode().split("FLAGS (")[1].split(")")[0].split()) - {"\\Recent"}


# Keeping scripts


def test_scripts_are_kept_listed_and_one_is_active(company):
    first = script(company, "keep;\r\n", "bob", "Élève 1-2")
    assert first["name"] == "Élève 1-2" and first["size"] == 7 and first["is_active"] is False
    script(company, "# other\r\nkeep;", "bob", "other")
    status, page = company.ask("bob", "GET", SCRIPTS)
    assert status == 200 and [(one["name"], one["is_active"]) for one in page["sieve_scripts"]] == [("other", True), ("Élève 1-2", False)]
    assert all("text" not in one for one in page["sieve_scripts"])
    assert company.ask("bob", "GET", f"{SCRIPTS}/other")[1]["text"] == "# other\r\nkeep;"
    # The active one stays active under a new text, and is not removed.
    assert script(company, "keep;", "bob", "other", active=False)["is_active"] is True
    assert company.ask("bob", "DELETE", f"{SCRIPTS}/other")[0] == 409
    assert company.ask("bob", "POST", f"{SIEVE}/deactivate", {})[0] == 204
    assert company.ask("bob", "POST", f"{SIEVE}/deactivate", {})[0] == 404
    assert company.ask("bob", "DELETE", f"{SCRIPTS}/other")[0] == 204
    assert company.ask("bob", "GET", f"{SCRIPTS}/other")[0] == company.ask("bob", "POST", f"{SCRIPTS}/other/activate", {})[0] == 404
    assert company.ask("cy", "GET", f"{SCRIPTS}/%C3%89l%C3%A8ve%201-2")[0] == 404
    # Names that routes have too.
    for name in ("check", "deactivate"):
        assert script(company, "keep;", "bob", name, active=False)["name"] == name
        assert company.ask("bob", "GET", f"{SCRIPTS}/{name}")[1]["text"] == "keep;"
        assert company.ask("bob", "DELETE", f"{SCRIPTS}/{name}")[0] == 204


@pytest.mark.parametrize("text", ["keep", "fileinto \"x\";", "require \"nonsense\";\r\nkeep;", "if true {"])
def test_what_cannot_be_followed_is_not_kept_and_the_place_is_told(company, text):
    for status, problem in (
        company.ask("cy", "PUT", f"{SCRIPTS}/wrong", {"text": text}), company.ask("cy", "POST", f"{SIEVE}/check", {"text": text}),
    ):
        error, = problem["errors"]
        assert status == 422 and error["pointer"] == "#/text" and error["detail"].startswith("Line "), problem
    assert company.ask("cy", "GET", f"{SCRIPTS}/wrong")[0] == 404
    assert company.ask("cy", "POST", f"{SIEVE}/check", {"text": "keep;"})[0] == 204


@pytest.mark.parametrize("name, text, pointer", [
    ("x" * 129, "keep;", "name"), ("a%0Ab", "keep;", "name"), ("a%2Fb", "keep;", "name"), ("a%C2%85b", "keep;", "name"),
    ("a", "#" + "x" * 65_536, "text"), ("a", "# \0", "text"),
])
def test_what_is_no_name_and_no_text(company, name, text, pointer):
    status, problem = company.ask("cy", "PUT", f"{SCRIPTS}/{name}", {"text": text})
    assert status == 422 and problem["errors"][0]["pointer"] == f"#/{pointer}", problem


def test_an_account_has_so_many_scripts(start_platform):
    running = start_platform(OONRUMAIL_SIEVE_SCRIPTS="2", OONRUMAIL_SIEVE_SCRIPT_SIZE="1024")
    company = Company(running, "sieve.test")
    for name in ("a", "b", "a"):
        script(company, "keep;", "member", name)
    assert company.ask("member", "PUT", f"{SCRIPTS}/c", {"text": "keep;"})[0] == 409
    assert company.ask("member", "PUT", f"{SCRIPTS}/a", {"text": "#" + "x" * 1_024})[0] == 422


def test_by_command(platform, company, tmp_path):
    file = tmp_path / "script"
    file.write_text('require "fileinto";\nfileinto "Archive";\n')
    assert platform.json("sieve", "put", "cy@sieve.test", "cmd", str(file), "--activate")["is_active"] is True
    assert [one["name"] for one in platform.json("sieve", "list", "cy@sieve.test")] == ["cmd"]
    assert platform.json("sieve", "show", "cy@sieve.test", "cmd")["text"] == file.read_text()
    assert "keep" not in platform.cli("sieve", "check", "cy@sieve.test", "-", stdin="keep;").stdout
    wrong = platform.cli("sieve", "check", "cy@sieve.test", "-", stdin="keep", check=False)
    assert wrong.returncode != 0 and "ine 1, column" in wrong.stdout + wrong.stderr
    assert platform.cli("sieve", "remove", "cy@sieve.test", "cmd", check=False).returncode != 0
    platform.cli("sieve", "deactivate", "cy@sieve.test")
    assert platform.json("sieve", "activate", "cy@sieve.test", "cmd")["is_active"] is True
    platform.cli("sieve", "deactivate", "cy@sieve.test")
    platform.cli("sieve", "remove", "cy@sieve.test", "cmd")
    assert platform.json("sieve", "list", "cy@sieve.test") == []


# When mail comes


def test_mail_is_filed_with_flags_into_mailboxes(platform, company):
    script(company, """require ["fileinto", "imap4flags", "mailbox", "special-use", "copy", "variables"];
if header :contains "subject" "list" { fileinto :create :flags ["\\\\Seen", "$Label1", "a(b"] "Lists/Tea"; }
elsif header :contains "subject" "offer" { fileinto :specialuse "\\\\Junk" "Nowhere"; }
elsif header :contains "subject" "both" { fileinto :copy "Archive"; setflag "\\\\Flagged"; keep; }
elsif header :contains "subject" "gone" { fileinto "No Such"; }
elsif header :contains "subject" "inbox" { fileinto "iNbOx"; }
""")
    for subject in ("list of tea", "offer of gold", "both places", "gone away", "plain", "inbox itself"):
        write(platform, subject)
    assert subjects(platform, mailbox='"Lists/Tea"') == ["list of tea"] and subjects(platform, mailbox="Junk") == ["offer of gold"]
    assert subjects(platform, mailbox="Archive") == ["both places"]
    assert subjects(platform) == ["both places", "gone away", "plain", "inbox itself"]
    assert flags(platform, "list of tea", "Lists/Tea") == {"\\Seen", "$Label1"}
    assert "\\Flagged" in flags(platform, "both places", "INBOX")
    details = [event["detail"] for event in trace(platform, "ann@sieve.test")]
    assert "filed into Lists/Tea by the script main" in details
    assert "by the script main, whose mailbox is not there" in details
    raw, = platform.messages("ann@sieve.test", "Junk")
    assert raw.startswith(b"Return-Path: <friend@elsewhere.test>\r\nDelivered-To: ann@sieve.test\r\n")
    off(company, "ann")
    write(platform, "list without script")
    assert subjects(platform)[-1] == "list without script"


def test_what_a_script_discards_is_nowhere_and_the_trace_says_so(platform, company):
    script(company, 'if header :contains "subject" "rubbish" { discard; }')
    before = len(platform.messages("ann@sieve.test"))
    write(platform, "rubbish", sender="discarded@elsewhere.test")
    # Who is away answers nobody whose mail is discarded.
    assert company.ask("ann", "PUT", "/api/users/me/vacation", {"is_enabled": True, "text": "Away."})[0] == 200
    write(platform, "rubbish again", sender="unheard@elsewhere.test")
    write(platform, "no dirt", sender="heard@elsewhere.test")
    assert company.ask("ann", "DELETE", "/api/users/me/vacation")[0] == 204
    answered = [any(event["detail"].startswith("answer for") for event in trace(platform, f"{name}@elsewhere.test")) for name in ("unheard", "heard")]
    assert answered == [False, True]
    assert len(platform.messages("ann@sieve.test")) == before + 1
    assert [event["recipient"] for event in trace(platform, "discarded@elsewhere.test") if event["detail"] == "the script main discarded it"] == ["ann@sieve.test"]
    off(company, "ann")


def test_a_new_text_holds_for_the_next_message(platform, company):
    for number in range(3):
        script(company, f'require ["fileinto", "mailbox"]; fileinto :create "Try {number}";')
        write(platform, f"try {number}")
        assert subjects(platform, mailbox=f'"Try {number}"') == [f"try {number}"]
    off(company, "ann")


def test_headers_of_one_copy_are_changed_and_of_others_not(platform, company):
    script(company, """require ["editheader", "fileinto", "copy"];
addheader "X-Sorted" "yes, dear Ännchen"; deleteheader "X-Secret"; keep;""")
    write(platform, "edited", to=["ann@sieve.test", "bob@sieve.test"], header="X-Secret: hush\r\nX-Other: stays\r\n")
    own = mails(platform, "ann@sieve.test")[-1]
    assert own["X-Sorted"] == "yes, dear Ännchen" and own["X-Secret"] is None and own["X-Other"] == "stays" and own["Subject"] == "edited"
    other = mails(platform, "bob@sieve.test")[-1]
    assert other["X-Sorted"] is None and other["X-Secret"] == "hush"
    off(company, "ann")


def test_mail_is_sent_on_to_people_here(platform, company):
    script(company, 'redirect "bob@sieve.test";')
    before = len(platform.messages("ann@sieve.test"))
    write(platform, "to bob", sender=FRIEND)
    assert len(platform.messages("ann@sieve.test")) == before
    raw = platform.messages("bob@sieve.test")[-1]
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message["Subject"] == "to bob" and message["Return-Path"] == "<ann@sieve.test>"
    assert message.get_all("Delivered-To") == ["bob@sieve.test", "ann@sieve.test"] and "d=sieve.test" in message["DKIM-Signature"]
    assert any(event["detail"] == "the script main sent it on to bob@sieve.test" for event in trace(platform, FRIEND))
    # Who has it already has it once.
    count = len(platform.messages("bob@sieve.test"))
    write(platform, "to both", to=["ann@sieve.test", "bob@sieve.test"])
    assert len(platform.messages("bob@sieve.test")) == count + 1
    off(company, "ann")


def test_two_who_send_on_to_each_other_lose_nothing(platform, company):
    script(company, 'redirect "bob@sieve.test";')
    script(company, 'redirect "ann@sieve.test";', "bob")
    before = [len(platform.messages(f"{name}@sieve.test")) for name in ("ann", "bob")]
    write(platform, "circle")
    after = [len(platform.messages(f"{name}@sieve.test")) for name in ("ann", "bob")]
    assert (after[0] - before[0], after[1] - before[1]) == (0, 1) and subjects(platform, "bob@sieve.test")[-1] == "circle"
    # What has been here and comes back stays.
    write(platform, "back again", header="Delivered-To: ann@sieve.test\r\n")
    assert subjects(platform)[-1] == "back again"
    # Oneself, nobody here, and a list are no places to send on to.
    for number, target in enumerate(("ann@sieve.test", "nobody@sieve.test")):
        script(company, f'redirect "{target}";')
        write(platform, f"stays {number}")
        assert subjects(platform)[-1] == f"stays {number}"
    off(company, "ann", "bob")


def test_mail_is_sent_on_elsewhere_in_ones_own_name(start_platform, sink):
    port, folder = sink()
    running = start_platform(OONRUMAIL_TRANSPORT_MAP=f"remote.test=127.0.0.1:{port}", OONRUMAIL_SIEVE_REDIRECTS="2")
    company = Company(running, "sieve.test")
    script(company, 'require "copy"; redirect :copy "out@remote.test"; redirect "two@remote.test";', "member")
    write(running, "far", "member@sieve.test")
    write(running, "from nobody", "member@sieve.test", sender="")
    def sent():
        return [
            (event["sender"], event["recipient"]) for name in ("out", "two") for event in trace(running, f"{name}@remote.test")
            if event["kind"] == "sent" and event["recipient"] == f"{name}@remote.test"
        ]

    wait_until(lambda: len(sent()) == 4)
    assert sorted(sent()) == [(one, f"{name}@remote.test") for one in ("", "member@sieve.test") for name in ("out", "two")]
    # The sink keeps one message of a minute.
    one = wait_until(lambda: [path.read_bytes() for path in folder.iterdir() if b"body" in path.read_bytes()])[0]
    assert b"Delivered-To: member@sieve.test" in one and b"d=sieve.test" in one
    wait_until(lambda: running.json("queue", "list") == [])
    assert running.messages("member@sieve.test") == []
    # More than may be: the script fails, and the message is there.
    script(company, "".join(f'redirect "{name}@remote.test";' for name in "abc"), "member")
    write(running, "too many", "member@sieve.test")
    wait_until(lambda: "too many" in subjects(running, "member@sieve.test"))
    assert running.json("queue", "list") == []


def test_a_refusal_reaches_the_client_when_nobody_else_gets_it(platform, company):
    script(company, 'require "reject"; if header :contains "subject" "spam" { reject "No thanks.\r\nReally."; }')
    before = len(platform.messages("ann@sieve.test"))
    with pytest.raises(smtplib.SMTPDataError) as refused:
        write(platform, "spam", sender="rejected@elsewhere.test")
    assert refused.value.smtp_code == 550 and refused.value.smtp_error.startswith(b"5.7.1 No thanks.") and b"Really." in refused.value.smtp_error
    assert len(platform.messages("ann@sieve.test")) == before
    assert any(event["kind"] == "refused" for event in trace(platform, "rejected@elsewhere.test"))
    # With another recipient the sender is told by mail.
    count = len(platform.messages("bob@sieve.test"))
    write(platform, "spam for two", to=["ann@sieve.test", "bob@sieve.test"], sender="cy@sieve.test", user="cy@sieve.test")
    assert len(platform.messages("ann@sieve.test")) == before and len(platform.messages("bob@sieve.test")) == count + 1
    bounce = mails(platform, "cy@sieve.test")[-1]
    assert bounce["Return-Path"] == "<>" and bounce.get_content_type() == "multipart/report"
    assert "No thanks." in bounce.as_string() and "ann@sieve.test" in bounce.as_string()
    assert any(event["detail"] == "refused by the script main" for event in trace(platform, "ann@sieve.test"))
    # Nobody can be told: it is kept.
    write(platform, "spam from nobody", to=["ann@sieve.test", "bob@sieve.test"], sender="")
    assert subjects(platform)[-1] == "spam from nobody"
    off(company, "ann")


def test_a_script_that_fails_keeps_the_mail_and_its_owner_is_told_once(platform, company):
    script(company, 'require ["variables", "fileinto"]; set "x" "not an address"; redirect "${x}";', name="broken")
    for number in range(3):
        write(platform, f"despite {number}")
    wait_until(lambda: len([one for one in subjects(platform) if one == "The script broken failed"]) == 1)
    assert [one for one in subjects(platform) if one.startswith("despite")] == [f"despite {number}" for number in range(3)]
    notice = [one for one in mails(platform, "ann@sieve.test") if one["Subject"] == "The script broken failed"][0]
    assert "Line 1, column" in notice.get_content() and notice["Auto-Submitted"]
    assert any(event["detail"].startswith("the script broken failed at line 1") for event in trace(platform, "ann@sieve.test"))
    assert all("not an address" not in log.read_text() for log in platform.logs)
    off(company, "ann")


def test_a_script_answers_who_is_away(platform, company):
    script(company, 'require ["vacation"]; vacation :days 3 :subject "Gone" :addresses ["team@sieve.test"] "Back on Monday.";')
    write(platform, "hello", sender="bob@sieve.test", user="bob@sieve.test")
    wait_until(lambda: mails(platform, "bob@sieve.test")[-1]["Subject"] == "Gone")
    answer = mails(platform, "bob@sieve.test")[-1]
    assert answer["Return-Path"] == "<>" and answer["From"].endswith("ann@sieve.test") and answer["Auto-Submitted"] == "auto-replied"
    assert answer.get_content().strip() == "Back on Monday." and subjects(platform)[-1] == "hello"
    count = len(platform.messages("bob@sieve.test"))
    write(platform, "hello again", sender="bob@sieve.test", user="bob@sieve.test")
    write(platform, "list", sender="bob@sieve.test", header="List-Id: <x.test>\r\n")
    write(platform, "blind", to="team@elsewhere.test", sender="cy@sieve.test", recipients=["ann@sieve.test"])
    # What comes after an answer in the same connection stands behind it.
    write(platform, "mark", sender="mark@elsewhere.test")
    wait_until(lambda: any(event["detail"].startswith("answer for ann@sieve.test") for event in trace(platform, "mark@elsewhere.test")))
    assert len(platform.messages("bob@sieve.test")) == count
    assert not any(event["detail"].startswith("answer for") and event["recipient"] == "cy@sieve.test" for event in trace(platform, "cy@sieve.test"))
    off(company, "ann")


def test_duplicates_are_known_again(platform, company):
    script(company, 'require ["duplicate", "fileinto", "mailbox"]; if duplicate { fileinto :create "Twice"; }')
    for _ in range(3):
        write(platform, "the same")
    write(platform, "another")
    assert subjects(platform, mailbox="Twice") == ["the same", "the same"]
    assert subjects(platform)[-2:] == ["the same", "another"]
    off(company, "ann")


def test_a_duplicate_may_lead_to_another(platform, company):
    """What a script asks for at its second run only is looked up as well."""
    script(company, 'require ["duplicate", "fileinto", "mailbox"]; '
           'if allof(duplicate :handle "one", duplicate :handle "two") { fileinto :create "Thrice"; }')
    for _ in range(3):
        write(platform, "of two handles")
    assert subjects(platform, mailbox="Thrice") == ["of two handles"]
    off(company, "ann")


def test_mail_by_aliases_and_lists_goes_through_scripts(platform, company):
    script(company, 'require ["fileinto", "mailbox"]; fileinto :create "Sorted";')
    platform.cli("alias", "add", "sales@sieve.test", "ann@sieve.test", "bob@sieve.test")
    domain = "/api/domains/sieve.test/lists"
    assert company.ask("owner", "POST", domain, {"address": "club@sieve.test", "name": "Club", "posting": "anyone"})[0] == 201
    assert company.ask("owner", "POST", f"{domain}/club@sieve.test/members", {"members": ["ann@sieve.test"]})[0] == 200
    write(platform, "by list", to="club@sieve.test")
    assert subjects(platform, mailbox="Sorted") == ["by list"]
    count = len(platform.messages("bob@sieve.test"))
    write(platform, "by alias", to="sales@sieve.test")
    assert subjects(platform, mailbox="Sorted")[-1] == "by alias" and len(platform.messages("bob@sieve.test")) == count + 1
    masked = company.ask("ann", "POST", "/api/users/me/masked-addresses", {"label": "shop"})[1]["address"]
    write(platform, "by mask", to=masked)
    assert subjects(platform, mailbox="Sorted")[-1] == "by mask"
    off(company, "ann")


# Mail that is there


def fill(platform, user, names, mailbox="INBOX", flags=None):
    client = platform.imap(user)
    for name in names:
        text = f"Return-Path: <friend@elsewhere.test>\r\nDelivered-To: {user}\r\nFrom: {FRIEND}\r\nTo: {user}\r\nSubject: {name}\r\n\r\nx\r\n"
        assert client.append(mailbox, flags, None, text.encode())[0] == "OK"
    client.logout()


SORTING = """require ["fileinto", "imap4flags", "mailbox", "copy", "reject", "vacation", "envelope"];
if header :is "subject" "tea" { fileinto :create "Lists"; }
elsif header :is "subject" "copied" { fileinto :copy :create "Lists"; }
elsif header :is "subject" "marked" { addflag ["\\\\Flagged", "$Label2"]; }
elsif header :is "subject" "rubbish" { discard; }
elsif header :is "subject" "far" { redirect "far@remote.test"; }
elsif header :is "subject" "refused" { reject "no"; }
elsif envelope :is "from" "other@elsewhere.test" { discard; }
"""


def test_a_script_is_run_over_stored_mail_dry_and_wet(platform, company):
    user = "old@sieve.test"
    platform.add_account(user)
    company.tokens["old"] = company.login(user)
    names = ["tea", "copied", "marked", "rubbish", "far", "refused", "plain"]
    fill(platform, user, names)
    script(company, SORTING, "old", "sort", active=False)
    run = f"{SCRIPTS}/sort/run"
    watcher = platform.imap(user)
    watcher.select("INBOX")
    status, dry = company.ask("old", "POST", run, {"is_dry_run": True})
    assert status == 200, dry
    counts = {key: dry[key] for key in ("examined", "moved", "copied", "marked", "discarded", "failed", "left_out")}
    assert counts == {"examined": 7, "moved": 1, "copied": 1, "marked": 1, "discarded": 1, "failed": 0, "left_out": 2}
    assert "next" not in dry and [one["uid"] for one in dry["messages"]] == list(range(1, 8))
    assert dry["messages"][0]["actions"][0] == {"action": "fileinto", "target": "Lists"}
    assert subjects(platform, user) == names
    assert "Lists" not in [row.decode().split('"')[-2] for row in watcher.list()[1]]
    wet = company.ask("old", "POST", run, {"is_dry_run": False})[1]
    assert {key: wet[key] for key in counts} == counts and wet["is_dry_run"] is False
    assert subjects(platform, user) == ["copied", "marked", "far", "refused", "plain"]
    assert subjects(platform, user, "Lists") == ["copied", "tea"] and subjects(platform, user, "Trash") == ["rubbish"]
    assert flags(platform, "marked", "INBOX", user) == {"\\Flagged", "$Label2"}
    # A session that is open sees the moves.
    watcher.noop()
    assert watcher.response("EXPUNGE")[1] != [None]
    assert len(watcher.search(None, "ALL")[1][0].split()) == 5
    watcher.logout()
    event = company.ask("owner", "GET", "/api/audit?action=sieve.run&limit=1")[1]["events"][0]
    assert event["subject"] == user and json.loads(event["detail"])["moved"] == 1
    # Again nothing but the copy is done.
    again = company.ask("old", "POST", run, {"is_dry_run": False})[1]
    assert (again["examined"], again["moved"], again["discarded"]) == (5, 0, 0)


def test_a_run_goes_on_where_it_ended(platform, company):
    user = "many@sieve.test"
    platform.add_account(user)
    company.tokens["many"] = company.login(user)
    fill(platform, user, ["tea", "plain"] * 6)
    fill(platform, user, ["tea"], flags="(\\Seen)")
    script(company, SORTING, "many", "sort", active=False)
    run = f"{SCRIPTS}/sort/run"
    seen, after = [], None
    while True:
        status, portion = company.ask("many", "POST", run, {"is_dry_run": False, "limit": 5, "is_unseen": True, "after": after})
        assert status == 200 and portion["examined"] <= 5
        seen += [one["uid"] for one in portion["messages"]]
        after = portion.get("next")
        if after is None:
            break
    assert seen == list(range(1, 13)) and subjects(platform, user) == ["plain"] * 6 + ["tea"]
    assert subjects(platform, user, "Lists") == ["tea"] * 6
    told = platform.json("sieve", "run", user, "sort", "--dry-run", "--since", "2020-01-01T00:00:00Z")
    assert (told["examined"], told["moved"]) == (7, 1)
    assert platform.json("sieve", "run", user, "sort", "--before", "2020-01-01T00:00:00Z")["examined"] == 0
    assert platform.json("sieve", "run", user, "sort")["moved"] == 1 and subjects(platform, user, "Lists") == ["tea"] * 7
    for wish, code in (
        ({"mailbox": "Nowhere"}, 404), ({"after": "x"}, 422), ({"after": "1-1"}, 404), ({"limit": 0}, 422), ({"limit": 101}, 422), ({"since": "today"}, 422),
    ):
        assert company.ask("many", "POST", run, {"is_dry_run": True, **wish})[0] == code, wish
    assert company.ask("many", "POST", f"{SCRIPTS}/none/run", {"is_dry_run": True})[0] == 404
    # Others' scripts and mail are out of reach.
    assert company.ask("cy", "POST", run, {"is_dry_run": True})[0] == 404


def test_a_discard_over_the_trash_leaves_it_there(platform, company):
    user = "trash@sieve.test"
    platform.add_account(user)
    company.tokens["trash"] = company.login(user)
    fill(platform, user, ["rubbish"], "Trash")
    script(company, "discard;", "trash", "all", active=False)
    told = company.ask("trash", "POST", f"{SCRIPTS}/all/run", {"is_dry_run": False, "mailbox": "Trash"})[1]
    assert told["examined"] == 1 and told["discarded"] == 0 and subjects(platform, user, "Trash") == ["rubbish"]
